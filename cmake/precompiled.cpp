// Nothing: precompiled headers need a source file to belong to (Precompiled.cmake).
