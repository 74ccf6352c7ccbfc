// Command hyperscale-outbound-call places a call with the deployment's assistant.
package main

import (
	"os"

	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/outbound"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	service, keys, connections := callwiring.ReadPlacing(s)
	route := callapi.PlaceHandler(service, outbound.RouteHyperscale, s.Optional("HYPERSCALE_ASSISTANT_ID", ""), s.Optional("PUBLIC_URL", ""))
	lambdaapp.Start(s, serve(route, keys).Invoke, connections...)
}
