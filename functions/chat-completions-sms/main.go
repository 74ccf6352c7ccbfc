// Command chat-completions-sms serves /api/v1/openai/chat/completions/sms and its second path, /api/v1/openai/sms/chat/completions.
package main

import (
	"os"

	"example.com/aurora/shared/core/phonetables"
	"example.com/aurora/shared/transport/chatwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	phonetables.Use("") // who texts STOP must be found under the number that calls are placed to
	settings := chatwiring.ReadSettings(s)
	handler, connections := settings.NewHandler(modelwiring.Timing{})
	lambdaapp.Start(s, serve(handler, settings.Keys()).Invoke, connections...)
}
