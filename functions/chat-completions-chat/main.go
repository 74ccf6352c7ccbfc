// Command chat-completions-chat answers /api/v1/openai/chat/completions/chat and its alias.
package main

import (
	"os"

	"example.com/aurora/shared/transport/chatwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	chat := chatwiring.ReadSettings(s)
	lambdaapp.Start(s, serve(chat.NewHandler(modelwiring.Timing{}), chat.Keys()).Invoke)
}
