// Serves DynamoDB with npm's dynalite on a free port of 127.0.0.1, and prints the port. It exits when its standard input
// closes, so that it cannot outlive the process that started it. Run by `node -e`, so argv does not hold the script's name.
const [modules, path] = process.argv.slice(1)
const server = require(modules + '/dynalite')({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.keepAliveTimeout = 0
// dynalite throws the error of a request whose client has gone while it was being read, such as one whose context ended. It would
// end the process, and with it the whole stack.
process.on('uncaughtException', (err) => {
  if (err.code === 'ECONNRESET') return
  console.error(err)
  process.exit(1)
})
server.listen(0, '127.0.0.1', () => console.log('{"level":"INFO","port":' + server.address().port + '}'))
process.stdin.on('end', () => process.exit(0)).resume()
