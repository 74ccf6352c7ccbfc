// Command authorizer-operator is the Lambda authorizer of the operators' API.
package main

import (
	"os"

	"example.com/aurora/shared/transport/authorizer"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/operatorwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	operators, connections := operatorwiring.NewOperators(s)
	lambdaapp.Start(s, authorizer.NewOperator(operators), connections...)
}
