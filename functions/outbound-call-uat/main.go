// Command outbound-call-uat places a call with an assistant that the request names.
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
	route := callapi.PlaceHandler(service, outbound.RouteUAT, "", s.Optional("PUBLIC_URL", ""))
	lambdaapp.Start(s, serve(route, keys).Invoke, connections...)
}
