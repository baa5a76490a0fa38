// node webtorrent_node.mjs NPM_FOLDER TORRENT OUTDIR ADDRESS PORT NAME: downloads, then seeds, until it is told to stop; our
// events on descriptor 3. WebRTC and uTP, native code, are replaced by empty modules before anything is loaded; every
// socket that dials is bound to the node's address.
import fs from 'node:fs'
import net from 'node:net'
import { register } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const hooks = `export async function resolve(name, context, next) {
  if (name === 'webrtc-polyfill') return { url: 'data:text/javascript,export const RTCPeerConnection=null,RTCSessionDescription=null,RTCIceCandidate=null;export default {}', shortCircuit: true }
  if (name === 'utp-native' || name === 'node-datachannel' || name === '@thaunknown/simple-peer/lite.js' || name === '@thaunknown/simple-peer')
    return { url: 'data:text/javascript,class Peer{};Peer.WEBRTC_SUPPORT=false;export default Peer;export const Peer2=Peer', shortCircuit: true }
  return next(name, context)
}`
register('data:text/javascript,' + encodeURIComponent(hooks))

const [folder, torrentFile, outdir, address, port, name] = process.argv.slice(2)
const begin = process.hrtime.bigint()
const emit = (event, fields = {}) => {
  const t = Number(process.hrtime.bigint() - begin) / 1e9
  try { fs.writeSync(3, JSON.stringify({ t, node: name, event, ...fields }) + '\n') } catch { process.exit(1) }
}

// Dials from the node's address, listens there only.
const connect = net.connect
net.connect = (options, ...rest) =>
  connect(typeof options === 'object' ? { localAddress: address, ...options } : options, ...rest)
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (first, ...rest) {
  return typeof first === 'number' ? listen.call(this, first, address, ...rest.filter(x => typeof x === 'function')) : listen.call(this, first, ...rest)
}

const { default: WebTorrent } = await import(pathToFileURL(path.join(folder, 'node_modules', 'webtorrent', 'index.js')))
const client = new WebTorrent({ torrentPort: Number(port), dht: false, lsd: false, utp: false, natUpnp: false, natPmp: false, webSeeds: false })
client.on('error', error => { console.error(error.message); emit('exiting', { code: 1, reason: error.message }); process.exit(1) })
const torrent = client.add(fs.readFileSync(torrentFile), { path: outdir })

let completed = false
const stats = (event = 'stats') => emit(event, {
  state: torrent.done ? 'seeding' : 'downloading', progress: torrent.progress || 0, pieces: torrent.pieces?.length || 0,
  downloaded: torrent.downloaded || 0, uploaded: torrent.uploaded || 0, down_rate: torrent.downloadSpeed || 0,
  up_rate: torrent.uploadSpeed || 0, peers: torrent.numPeers
})
torrent.on('warning', warning => console.log(`warning: ${warning.message || warning}`))
torrent.on('ready', () => emit('ready', { listen: `${address}:${port}` }))
torrent.on('done', () => {
  if (completed) return
  completed = true
  stats('completed')
})
let stopping = false
setInterval(() => { if (torrent.ready && !stopping) stats() }, 200)
for (const number of ['SIGTERM', 'SIGINT']) {
  process.on(number, () => {
    if (stopping) return
    stopping = true
    stats()
    emit('exiting', { code: 0, reason: 'stopped' })
    setTimeout(() => process.exit(0), 500).unref()
    client.destroy(() => process.exit(0))
  })
}
