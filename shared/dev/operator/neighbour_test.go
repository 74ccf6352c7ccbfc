package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"example.com/aurora/shared/core/auth"
)

// limitedEntry is what the entry of the noisy neighbour's keys says.
const limitedEntry = `,"limits":{"chatTurnsPerMinute":3,"callsPerDay":2}`

// checkNoisyNeighbour sends requests with one key at full rate, until they are rejected. Turns and calls of another key must
// not be rejected for it, neither meanwhile nor after it.
func (b *testStack) checkNoisyNeighbour(t *testing.T, noisy, quiet string) {
	t.Helper()
	general, call := keyedRoutes["POST /api/v1/openai/chat/completions"], keyedRoutes["POST /api/outbound-call-uat"]
	turn := func(key string) (int, string, string) {
		return b.sendKeyed(t, b.info.API+"/api/v1/openai/chat/completions", "Authorization", "Bearer "+string(auth.KindAPI)+key, general.body)
	}
	var mu sync.Mutex
	var passed, rejected int
	var neighbours sync.WaitGroup
	for range 4 {
		neighbours.Go(func() {
			for range 20 {
				status, code, wait := turn(noisy)
				mu.Lock()
				switch {
				case status == http.StatusOK:
					passed++
				case status == http.StatusTooManyRequests && code == "key_limit" && wait != "":
					rejected++
				default:
					t.Errorf("a turn of the noisy key: %d %s, Retry-After %q; want 200, or 429 key_limit with Retry-After", status, code, wait)
				}
				mu.Unlock()
			}
		})
	}
	for i := range 5 {
		if status, code, _ := turn(quiet); status != http.StatusOK {
			t.Errorf("turn %d of the quiet key: %d %s, want 200", i, status, code)
		}
	}
	neighbours.Wait()
	// Each process may let one turn more pass, and the test may last into the next minute.
	if most := 2 * (3 + 5 - 1); passed < 3 || passed > most || rejected == 0 {
		t.Errorf("%d turns of the noisy key passed and %d were rejected, want 3 to %d to pass and the others to be rejected", passed, rejected, most)
	}
	for i, c := range []struct {
		key    string
		status int
		code   string
	}{{noisy, http.StatusOK, ""}, {noisy, http.StatusOK, ""}, {noisy, http.StatusTooManyRequests, "key_limit"}, {quiet, http.StatusOK, ""}} {
		body := strings.Replace(call.body, "+14155550142", fmt.Sprintf("+1415555016%d", i), 1)
		if status, code, _ := b.sendKeyed(t, b.info.API+"/api/outbound-call-uat", call.header, string(call.kind)+c.key, body); status != c.status || code != c.code {
			t.Errorf("call %d: %d %s, want %d %s", i, status, code, c.status, c.code)
		}
	}
}

// sendKeyed sends a request and returns its status, the code of the error, and Retry-After.
func (b *testStack) sendKeyed(t *testing.T, address, header, value, body string) (status int, code, wait string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(header, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Error struct{ Code string } }
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer.Error.Code, response.Header.Get("Retry-After")
}
