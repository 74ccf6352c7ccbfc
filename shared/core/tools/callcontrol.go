package tools

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// What the tools say once Aurora itself has acted on the call. These results are remembered, and a repeated call reads from
// them that nothing is left to the voice server.
const (
	callIsEnding       = "The call is being ended now."
	callIsTransferring = "The call is being transferred now."
)

// controlsCall reports whether Aurora itself is to end or transfer the call. Otherwise the voice server does.
func controlsCall(k *Kit, s Scope) bool {
	return s.Assistant.CallControl == aurora.CallControlAurora && s.CallSID != "" && k.Control != nil && k.Idempotency != nil && s.IsStored()
}

// mayControlCall reports whether Aurora may end or transfer the call of the scope. The sid comes from the caller, so the call
// must belong to the assistant that was called: our own record of an outbound call names it, or Twilio says that the call
// came in on, or was placed from, one of its numbers. For a call that does not, the voice server acts.
func mayControlCall(ctx context.Context, k *Kit, s Scope) (bool, error) {
	if !controlsCall(k, s) {
		return false, nil
	}
	owns, err := ownsCall(ctx, k, s)
	if err == nil && !owns {
		slog.WarnContext(ctx, "the call is not one of the assistant's; it is left to the voice server", "event", "call.not_owned",
			"callId", s.CallID, "callSid", s.CallSID, "assistantId", s.CalledID)
	}
	return owns, err
}

func ownsCall(ctx context.Context, k *Kit, s Scope) (bool, error) {
	if k.OutboundCalls != nil {
		c, ok, err := k.OutboundCalls.Record(ctx, s.CallSID)
		if err != nil {
			return false, fmt.Errorf("read the record of the call: %w", err)
		}
		if ok {
			return c.AssistantID == s.CalledID && c.State != aurora.OutboundRejected, nil
		}
	}
	call, err := k.Control.FetchCall(ctx, s.CallSID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find the call: %w", err)
	}
	own := call.To
	if strings.HasPrefix(call.Direction, "outbound") {
		own = call.From
	}
	return own != "" && slices.Contains(s.CalledNumbers, own), nil
}
