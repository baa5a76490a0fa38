// node npm_tracker.mjs NPM_FOLDER IP PORT: the server of npm's bittorrent-tracker, over HTTP and UDP. Its own command is not
// used because that also loads the package's client, which wants WebRTC, native code.
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, ip, port] = process.argv.slice(2)
const file = path.join(folder, 'node_modules', 'bittorrent-tracker', 'server.js')
const { default: Server } = await import(pathToFileURL(file))
const server = new Server({ http: true, udp: true, ws: false, stats: false, interval: 1000 })
for (const event of ['error', 'warning']) server.on(event, reason => console.error(`${event}: ${reason.message}`))
server.listen(Number(port), { http: ip, udp: ip, udp6: '::1' })
