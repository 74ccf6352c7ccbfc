package main

import (
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/operatorapi"
)

// serve returns the shell with all routes of the function.
func serve(operators *auth.Operators, publicURL string) *operatorapi.Shell {
	s := operatorapi.NewShell(operators, publicURL)
	operatorapi.RegisterSession(s)
	return s
}
