package tools

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/safego"
)

// runOnce does something with an effect, or gives the result of the first time it was done for the same wish.
func (k *Kit) runOnce(ctx context.Context, s Scope, tool string, in agent.Invocation, do func(context.Context) (string, error)) (string, error) {
	key := idempotencyKey(s, tool, in)
	if key == "" || k.Idempotency == nil {
		return do(ctx)
	}
	return k.Idempotency.Do(ctx, key, func(ctx context.Context) (content string, err error) {
		err = safego.Call(func() error { // the ledger must learn how it ended
			content, err = do(ctx)
			return err
		})
		safego.LogPanic(ctx, err)
		if _, panicked := errors.AsType[*safego.PanicError](err); panicked {
			err = fault.New(fault.Internal, "The tool failed.").Because(err)
		}
		return content, err
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
	digest := idempotency.Digest(call, strconv.Itoa(s.UserMessageCount), tool, string(canonicalArguments(in.Arguments)), strconv.Itoa(in.Occurrence))
	return hex.EncodeToString(digest[:])
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
