// node client.mjs FOLDER URL INFO_HASH_HEX PORT: the client of npm's bittorrent-tracker starts, completes, scrapes and stops at
// URL, and prints one line of JSON for each answer. The package's WebRTC, native code that is not installed, is
// replaced by an empty module before it is loaded: nothing here speaks WebSocket.
import { register } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const hooks = `export async function resolve(name, context, next) {
  if (name !== 'webrtc-polyfill') return next(name, context)
  return { url: 'data:text/javascript,export const RTCPeerConnection=null,RTCSessionDescription=null,RTCIceCandidate=null', shortCircuit: true }
}`
register('data:text/javascript,' + encodeURIComponent(hooks))

const [folder, url, infoHash, port] = process.argv.slice(2)
const file = path.join(folder, 'node_modules', 'bittorrent-tracker', 'client.js')
const { default: Client } = await import(pathToFileURL(file))
const client = new Client({ infoHash, peerId: Buffer.from('-NP0001-abcdefghijkl'), port: Number(port), announce: [url] })
const say = (what, data) => console.log(JSON.stringify({ what, ...data }))
for (const event of ['error', 'warning']) client.on(event, error => { say(event, { message: error.message }); process.exit(1) })
client.on('peer', peer => say('peer', { peer }))
const answer = event => new Promise(resolve => client.once(event, resolve))
for (const step of ['start', 'complete', 'scrape', 'stop']) {
  const reply = answer(step === 'scrape' ? 'scrape' : 'update')
  client[step]({ left: step === 'start' ? 5 : 0 })
  const { complete, incomplete, downloaded } = await reply
  say(step, { complete, incomplete, downloaded })
}
client.destroy(() => process.exit(0))
