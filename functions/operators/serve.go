package main

import (
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/operatorapi"
	"example.com/aurora/shared/usecase/timeline"
	"example.com/aurora/shared/usecase/versions"
)

// serve returns the shell with all routes of the function.
func serve(operators *auth.Operators, service *versions.Service, publicURL string, timelines *timeline.Service) *operatorapi.Shell {
	s := operatorapi.NewShell(operators, publicURL)
	operatorapi.RegisterSession(s)
	operatorapi.RegisterVersions(s, service)
	operatorapi.RegisterTimeline(s, timelines)
	return s
}
