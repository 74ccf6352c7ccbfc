package tools

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// runOnce does something with an effect, or gives the result of the first time it was done for the same wish.
func (k *Kit) runOnce(ctx context.Context, s Scope, tool string, in agent.Invocation, do func(context.Context) (string, error)) (string, error) {
	key := idempotencyKey(s, tool, in)
	if key == "" || k.Once == nil {
		return do(ctx)
	}
	return k.Once.Once(ctx, key, func(ctx context.Context) (content string, err error) {
		defer func() { // the ledger must learn how it ended
			if p := recover(); p != nil {
				err = fault.Newf(fault.Internal, "The tool failed.").Because(panicError(p))
			}
		}()
		return do(ctx)
	})
}

// idempotencyKey is the key under which an effect is remembered, without anything that a model mints anew; empty where the
// conversation has no name.
func idempotencyKey(s Scope, tool string, in agent.Invocation) string {
	call := s.CallID
	if call == "" {
		call = s.CallSID
	}
	if call == "" {
		return ""
	}
	h := sha256.New()
	for _, part := range []string{call, strconv.Itoa(s.UserMessageCount), tool, string(canonicalArguments(in.Arguments)), strconv.Itoa(in.Occurrence)} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part)) // no two lists of parts are written alike
	}
	return hex.EncodeToString(h.Sum(nil))
}

// canonicalArguments writes arguments with their keys in order and nothing between them; what is no JSON stays as it is.
func canonicalArguments(arguments json.RawMessage) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return arguments
	}
	b, err := json.Marshal(v)
	if err != nil {
		return arguments
	}
	return b
}
