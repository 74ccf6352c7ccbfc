// Command chat-completions serves /api/v1/openai/chat/completions.
package main

import (
	"os"

	"example.com/aurora/shared/transport/chatwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	settings := chatwiring.ReadSettings(s)
	handler, connections := settings.NewHandler(modelwiring.Timing{})
	lambdaapp.Start(s, serve(handler, settings.Keys()).Invoke, connections...)
}
