// Command chat-completions-chat answers /api/v1/openai/chat/completions/chat and its alias.
package main

import (
	"os"

	"aurora/shared/assemble"
	"aurora/shared/assemble/chats"
	"aurora/shared/boot"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	chat := chats.Read(s)
	boot.Start(s, serve(chat.Endpoint(assemble.Models{}), chat.Keys()).Invoke)
}
