// Command voice-relay carries phone calls: the WebSocket of Twilio's ConversationRelay.
package main

import (
	"os"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/phonewiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	handler, connections := phonewiring.NewHandler(s)
	lambdaapp.Start(s, handler.Invoke, connections...)
}
