// Command voice-incoming answers the phone calls that come in at a Twilio number.
package main

import (
	"os"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/twiliowiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	voice, connections := twiliowiring.ReadVoice(s, twiliowiring.ReadLimits(s))
	lambdaapp.Start(s, serve(voice).Invoke, connections...)
}
