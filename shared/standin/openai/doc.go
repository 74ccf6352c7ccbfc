// Package openai stands in for a model that speaks OpenAI's API: a plain one for `make run`, and a scripted one for tests.
//
// As a model it is deterministic and says what it is. As a double it plays any fault that a model or the wire to it
// can have:
//
//	double := openai.Serve(t, func(n int, r openai.Request) openai.Answer {
//		if n == 0 {
//			return openai.Status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "1")
//		}
//		return openai.Text("Hel", "lo").ResetAfter(1)
//	})
//
// # Decisions
//
// Tokens are counted as a quarter of the characters, rounded up: good enough to see that usage arrives, and nobody
// pays for it.
package openai
