package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const tokenPrefix = "relaytoken#"

// tokenItem is an aurora.RelayToken as an item. The token itself is not stored.
type tokenItem struct {
	Key         string `dynamo:"key,hash"`
	AssistantID string `dynamo:"assistantId,omitempty"`
	CallSID     string `dynamo:"callSid,omitempty"`
	RecordID    string `dynamo:"record,omitempty"`
	Greeting    string `dynamo:"greeting,omitempty"`
	Recorded    bool   `dynamo:"recorded,omitempty"`
	Until       int64  `dynamo:"until"`            // milliseconds since 1970: when it must have been used for the first time
	UsedBy      string `dynamo:"usedBy,omitempty"` // the sid of the call that used it
	ExpiresAt   int64  `dynamo:"expiresAt"`
}

func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return tokenPrefix + hex.EncodeToString(sum[:])
}

// IssueToken stores a token.
func (s *PhoneCalls) IssueToken(ctx context.Context, r aurora.RelayToken) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	item := tokenItem{Key: tokenKey(r.Token), AssistantID: r.AssistantID, CallSID: r.CallSID, RecordID: r.RecordID, Greeting: r.Greeting, Recorded: r.Recorded,
		Until: millis(r.ExpiresAt), ExpiresAt: s.now().Add(phoneTTL).Unix()}
	if err := t.Put(item).Run(ctx); err != nil {
		return errPhoneStore("issue token", err)
	}
	return nil
}

// UseToken binds a token to a call and returns it. The first use must come before the token expires. After it, the token is
// good for the same call as long as the call lasts: Twilio sends it again when it has connected again. The error is
// fault.Unauthorized for a token that is not known, has expired, or is bound to another call.
func (s *PhoneCalls) UseToken(ctx context.Context, token, callSID string) (r aurora.RelayToken, err error) {
	errDenied := fault.New(fault.Unauthorized, "The token is not valid for this call.").WithCode("invalid_relay_token")
	if token == "" || callSID == "" {
		return r, errDenied
	}
	t, err := s.table()
	if err != nil {
		return r, err
	}
	now := s.now()
	var item tokenItem
	err = t.Update("key", tokenKey(token)).Set("usedBy", callSID).
		If("$ > ? AND ($ = ? OR attribute_not_exists($) AND $ > ? AND (attribute_not_exists($) OR $ = ?))",
			expiryKey, now.Unix(), "usedBy", callSID, "usedBy", "until", now.UnixMilli(), "callSid", "callSid", callSID).Value(ctx, &item)
	if dynamo.IsCondCheckFailed(err) {
		return r, errDenied.Because(err)
	}
	if err != nil {
		return r, errPhoneStore("use token", err)
	}
	return aurora.RelayToken{Token: token, AssistantID: item.AssistantID, CallSID: callSID, RecordID: item.RecordID, Greeting: item.Greeting,
		Recorded: item.Recorded, ExpiresAt: time.UnixMilli(item.Until).UTC()}, nil
}
