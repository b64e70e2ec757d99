// A reverse proxy for WebSockets, as small as can be: it answers 502 when the broker behind it does not take the connection.
//
//   node ws-proxy.js PORT UPSTREAM-PORT
'use strict'
const http = require('http')
const net = require('net')
const [port, upstream] = process.argv.slice(2).map(Number)

const server = http.createServer((request, response) => { response.writeHead(404); response.end() })
server.on('upgrade', (request, socket) => {
  const behind = net.connect(upstream, '127.0.0.1')
  behind.on('error', (error) => {
    console.log('the broker behind does not answer:', error.code)
    socket.end('HTTP/1.1 502 Bad Gateway\r\nServer: proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  behind.on('connect', () => {
    const fields = []
    for (let at = 0; at < request.rawHeaders.length; at += 2) fields.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`)
    behind.write(`${request.method} ${request.url} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
    socket.pipe(behind).pipe(socket)
  })
})
server.listen(port, '0.0.0.0', () => console.log('listening'))
