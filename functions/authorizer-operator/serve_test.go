package main

import (
	"context"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/transport/authorizer"
)

func TestCases(t *testing.T) {
	eventtest.RunAuthorizerCases(t, "authorizer-operator", func(t *testing.T, c *eventcase.Case) func(context.Context, authorizer.Request) (authorizer.Response, error) {
		var given eventtest.OperatorsGiven
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		return authorizer.NewOperator(&eventtest.OperatorsOf(given).Operators)
	})
}
