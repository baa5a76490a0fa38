"""JSON schemas of the parts of the Kubernetes API that `swarm-lab export kubernetes` uses (v1, apps/v1, batch/v1), as its
reference describes them, and no key more: an unknown key is refused."""

NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
LABELS = {"type": "object", "additionalProperties": {"type": "string", "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"}}


def table(needed, **keys):
    return {"type": "object", "properties": keys, "required": needed.split(), "additionalProperties": False}


def some(item):
    return {"type": "array", "items": item, "minItems": 1}


def thing(version, kind, **keys):
    metadata = table("name", name=NAME, labels=LABELS)
    return table("apiVersion kind metadata " + " ".join(keys), apiVersion={"const": version}, kind={"const": kind},
                 metadata=metadata, **keys)


CONTAINER = table("name image command", name=NAME, image=TEXT, imagePullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
                  command=some(TEXT), ports=some(table("containerPort", containerPort=PORT)),
                  volumeMounts=some(table("name mountPath", name=NAME, mountPath={"type": "string", "pattern": "^/"},
                                          readOnly={"type": "boolean"})),
                  readinessProbe=table("tcpSocket", tcpSocket=table("port", port=PORT),
                                       periodSeconds={"type": "integer", "minimum": 1}))
VOLUME = {"oneOf": [table("name persistentVolumeClaim", name=NAME, persistentVolumeClaim=table("claimName", claimName=NAME)),
                    table("name configMap", name=NAME, configMap=table("name", name=NAME))]}


def pod(policies, needed=""):
    spec = table("containers volumes " + needed, containers=some(CONTAINER), initContainers=some(CONTAINER),
                 volumes=some(VOLUME), subdomain=NAME, restartPolicy={"enum": policies})
    return table("metadata spec", metadata=table("labels", labels=LABELS), spec=spec)


SCHEMAS = {
    ("v1", "ConfigMap"): thing("v1", "ConfigMap", data=TEXTS),
    ("v1", "PersistentVolumeClaim"): thing("v1", "PersistentVolumeClaim", spec=table(
        "accessModes resources",
        accessModes=some({"enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]}),
        resources=table("requests", requests=table("storage", storage={"type": "string", "pattern": "^[0-9]+(Ki|Mi|Gi|Ti)$"})))),
    ("v1", "Service"): thing("v1", "Service", spec=table(
        "selector ports", clusterIP={"const": "None"}, publishNotReadyAddresses={"type": "boolean"}, selector=LABELS,
        ports=some(table("port", name=NAME, port=PORT, targetPort=PORT)))),
    ("apps/v1", "Deployment"): thing("apps/v1", "Deployment", spec=table(
        "selector template", replicas=COUNT, selector=table("matchLabels", matchLabels=LABELS), template=pod(["Always"]))),
    ("batch/v1", "Job"): thing("batch/v1", "Job", spec=table(
        "template", completionMode={"enum": ["NonIndexed", "Indexed"]}, completions=COUNT, parallelism=COUNT,
        backoffLimit=COUNT, template=pod(["Never", "OnFailure"], "restartPolicy"))),
}
