// Command hyperscale-outbound-call places a call by the deployment's assistant.
package main

import (
	"os"

	"aurora/shared/boot"
	"aurora/shared/dialing"
	"aurora/shared/outbound"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	secrets := dialing.Secrets()
	route := dialing.Route(dialing.Read(s, secrets), outbound.Hyperscale, s.Optional("HYPERSCALE_ASSISTANT_ID", ""), s.Optional("PUBLIC_URL", ""))
	boot.Start(s, serve(route, dialing.Keys(s, secrets)).Invoke)
}
