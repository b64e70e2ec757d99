// Aedes, the broker of npm, behind a web server that opens WebSockets (ws).
//
//   node ws-broker.js '{"port": 9001, ...}'
//
//   "path": "/mqtt"        other paths are answered with 404
//   "status": 302, "headers": {...}   every upgrade is answered so
//   "protocol": "mqtt"     the subprotocol to choose (default); null chooses none, "chat" speaks no MQTT
//   "close": [1008, "no"]  with this Close frame, "after": MILLISECONDS from the opening; "silent": true also answers nothing
//   "most": BYTES          larger messages are not taken (ws then closes with 1009)
//   "deflate": true        permessage-deflate for every message
//   "pieces": 3            each packet goes out in several frames of at most so many bytes
//   "ping": MILLISECONDS   WebSocket Pings that often
//   "password": "..."      the one that Aedes takes
'use strict'
const http = require('http')
const { Duplex } = require('stream')
const WebSocket = require('ws')
const aedes = require('aedes')()

const options = { port: 9001, protocol: 'mqtt', ...JSON.parse(process.argv[2] || '{}') }
if (options.password) {
  aedes.authenticate = (client, user, password, done) => {
    if (String(password) === options.password) return done(null, true)
    done(Object.assign(new Error('bad user name or password'), { returnCode: 4 }), null)
  }
}
for (const event of ['client', 'clientReady', 'clientDisconnect', 'clientError', 'connectionError', 'keepaliveTimeout']) {
  aedes.on(event, (client, error) => console.log(event, client && client.id, error ? error.message : ''))
}

const carry = (socket) => {
  const stream = new Duplex({
    read () {},
    write (data, encoding, done) {
      if (socket.readyState !== WebSocket.OPEN) return done()
      const size = options.pieces || data.length || 1
      for (let at = 0; at < data.length; at += size) socket.send(data.subarray(at, at + size), { binary: true })
      done()
    },
    final (done) { socket.close(); done() },
    destroy (error, done) { socket.close(); done(error) }
  })
  socket.on('message', (data) => stream.push(data))
  socket.on('close', () => { stream.push(null); stream.destroy() })
  return stream
}
const sockets = new WebSocket.Server({
  noServer: true,
  maxPayload: options.most,
  perMessageDeflate: options.deflate ? { threshold: 0 } : false,
  handleProtocols: (offered) => options.protocol !== null && offered.has(options.protocol) ? options.protocol : false
})
const server = http.createServer((request, response) => { response.writeHead(426); response.end('Upgrade Required') })
server.on('upgrade', (request, socket, head) => {
  socket.on('error', (error) => console.log(error.code))
  console.log('upgrade', request.url, request.headers['sec-websocket-protocol'] || 'no subprotocol')
  const status = options.status || (options.path && request.url.split('?')[0] !== options.path ? 404 : 0)
  if (status) {
    const headers = Object.entries({ Server: 'web', 'Content-Length': 0, Connection: 'close', ...options.headers })
    console.log('answers', status)
    return socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${headers.map((pair) => pair.join(': ')).join('\r\n')}\r\n\r\n`)
  }
  sockets.handleUpgrade(request, socket, head, (opened) => {
    if (options.ping) setInterval(() => opened.ping(), options.ping).unref()
    if (options.close) {
      setTimeout(() => { console.log('closes with', ...options.close); opened.close(...options.close) }, options.after || 0)
    }
    opened.on('close', (code, reason) => console.log('closed', code, String(reason)))
    if (options.protocol === 'chat') return opened.on('message', (text) => opened.send(`you said ${text}`))
    opened.on('error', (error) => console.log('error', error.message))
    if (!options.silent) aedes.handle(carry(opened))
  })
})
server.on('clientError', (error, socket) => {
  console.log('not HTTP:', error.code)
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
})
server.listen(options.port, '0.0.0.0', () => console.log('listening'))
