// Command hyperscale-outbound-call places a call by the deployment's assistant.
package main

import (
	"os"

	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/outbound"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	secrets := callwiring.Secrets()
	route := callwiring.Route(callwiring.Read(s, secrets), outbound.Hyperscale, s.Optional("HYPERSCALE_ASSISTANT_ID", ""), s.Optional("PUBLIC_URL", ""))
	lambdaapp.Start(s, serve(route, callwiring.Keys(s, secrets)).Invoke)
}
