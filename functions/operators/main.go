// Command operators serves the operators' API: its routes with JSON answers.
package main

import (
	"os"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/operatorwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	operators, connections := operatorwiring.NewOperators(s)
	lambdaapp.Start(s, serve(operators, newVersions(s), s.Optional("PUBLIC_URL", ""), operatorwiring.NewTimelines(s)).Function().Invoke, connections...)
}
