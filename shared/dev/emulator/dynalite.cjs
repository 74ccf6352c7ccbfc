// Serves DynamoDB from npm's dynalite on a free port of 127.0.0.1, and says which. It ends when standard input does,
// so that it cannot outlive who started it. Given to `node -e`, so that argv holds no script.
const [modules, path] = process.argv.slice(1)
const server = require(modules + '/dynalite')({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => console.log('{"level":"INFO","port":' + server.address().port + '}'))
process.stdin.on('end', () => process.exit(0)).resume()
