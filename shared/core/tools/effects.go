package tools

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"strconv"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/safego"
)

// runOnce runs an effect, or returns the result of the first run with the same idempotency key.
func (k *Kit) runOnce(ctx context.Context, s Scope, tool string, in agent.Invocation, do func(context.Context) (string, error)) (string, error) {
	key, effects := idempotencyKey(s, tool, in), k.Idempotency
	if !hasCallID(s) {
		effects = k.BriefIdempotency
	}
	if key == "" || effects == nil {
		return do(ctx)
	}
	return effects.Do(ctx, ledgerKey(s, key), func(ctx context.Context) (content string, err error) {
		err = safego.Call(func() error { // after a panic the store must still learn how the effect ended
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

// ledgerKey returns the key under which a result is stored. It names the assistant, the call and the caller, as the key of a
// session does, so that the results of one person can be found.
func ledgerKey(s Scope, key string) string {
	return aurora.AssistantKey(s.Assistant.ID()) + "#" + aurora.SafeKey(cmp.Or(s.CallID, s.CallSID)) + "#" + aurora.SafeKey(string(s.Caller)) + "#" + key
}

func hasCallID(s Scope) bool { return s.CallID != "" || s.CallSID != "" }

// idempotencyKey hashes the call's id, whose it is (the assistant, the caller and the key of the request, since anyone can send any
// id), the number of the user's messages, the tool, its canonical arguments and the occurrence. The model's own id of the tool call is left out, because it changes when a turn is retried. For a conversation
// without an id, the hash of the request takes the place of the call's id. The key is empty if there is neither.
func idempotencyKey(s Scope, tool string, in agent.Invocation) string {
	call := cmp.Or(s.CallID, s.CallSID, s.RequestHash)
	if call == "" {
		return ""
	}
	digest := idempotency.Digest(call, s.Assistant.ID(), string(s.Caller), s.PrincipalID, strconv.Itoa(s.UserMessageCount), tool, string(in.Arguments), strconv.Itoa(in.Occurrence))
	return hex.EncodeToString(digest[:])
}
