// Command authorizer-partner decides who may use the routes of the partner policy.
package main

import (
	"os"

	"aurora/shared/boot"
	"aurora/shared/dialing"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	boot.Start(s, serve(dialing.Keys(s, dialing.Secrets())))
}
