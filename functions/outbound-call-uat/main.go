// Command outbound-call-uat places a call by an assistant that the request names.
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
	route := dialing.Route(dialing.Read(s, secrets), outbound.UAT, "", s.Optional("PUBLIC_URL", ""))
	boot.Start(s, serve(route, dialing.Keys(s, secrets)).Invoke)
}
