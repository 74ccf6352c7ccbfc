// Command voice-after answers Twilio's question what follows in a phone call, and takes its reports about calls.
package main

import (
	"os"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/twiliowiring"
	"example.com/aurora/shared/usecase/callcontrol"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	voice, connections := twiliowiring.ReadVoice(s, callcontrol.Limits{}) // no call comes in here
	lambdaapp.Start(s, serve(voice).Invoke, connections...)
}
