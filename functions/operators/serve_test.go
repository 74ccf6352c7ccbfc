package main

import (
	"encoding/json"
	"os"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/transport/operatorapi"
)

type shell = *operatorapi.Shell

// newShell returns the shell with all routes of the function.
func newShell(operators *eventtest.Operators, publicURL string) shell {
	return serve(&operators.Operators, publicURL, newTimelines())
}

func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }

func TestCases(t *testing.T) {
	eventtest.Run(t, "operators", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given eventtest.OperatorsGiven
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		operators := eventtest.OperatorsOf(given)
		before := len(operators.EndedSessions.IDs)
		o := eventtest.Invoke(t, newShell(operators, given.PublicURL).Function(), event)
		o.Effects = map[string]any{"ended": operators.EndedSessions.IDs[before:]}
		return o
	})
}
