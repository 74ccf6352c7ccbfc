package dynamo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// The turns of a call are attributes of one item, so that two processes can write two turns at the same time. An item has at
// most 400 KB, so a long call has several: an item that has maxTurnsPage bytes takes no further turn.
const (
	turnsPrefix  = "phoneturns#"
	turnPrefix   = "t"
	turnBytesKey = "bytes"
	maxTurnsPage = 150 << 10
	maxTurn      = 100 << 10
	maxPages     = 20
)

func turnsKey(sid string, page int) string {
	if page == 0 {
		return turnsPrefix + sid
	}
	return turnsPrefix + sid + "#" + strconv.Itoa(page)
}

// WriteTurn stores a turn of a call, or replaces the one of its generation. The messages of a turn of more than 100 KB are left out.
func (s *PhoneCalls) WriteTurn(ctx context.Context, sid string, turn aurora.SpokenTurn) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	text, err := encodeTurn(turn)
	if err != nil {
		return err
	}
	name := turnPrefix + strconv.FormatInt(turn.Generation, 10)
	for page := range maxPages {
		err = t.Update("key", turnsKey(sid, page)).Set(name, text).Add(turnBytesKey, len(text)).Set(expiryKey, s.now().Add(phoneTTL).Unix()).
			If("attribute_not_exists($) OR $ < ? OR attribute_exists($)", turnBytesKey, turnBytesKey, maxTurnsPage, name).Run(ctx)
		if !dynamo.IsCondCheckFailed(err) {
			break
		}
	}
	if err != nil {
		return errPhoneStore("write turn", err)
	}
	return nil
}

// encodeTurn returns a turn as JSON. Messages that are too long are left out: what was said is part of the turn itself.
func encodeTurn(turn aurora.SpokenTurn) (string, error) {
	text, err := json.Marshal(turn)
	if err == nil && len(text) > maxTurn {
		turn.Messages = nil
		text, err = json.Marshal(turn)
	}
	if err != nil {
		return "", fmt.Errorf("write turn: %w", err)
	}
	return string(text), nil
}

// Turns returns the turns of a call that are stored, the oldest first. Those that the state of the call knows are newer: see
// aurora.PhoneCall's Conversation.
func (s *PhoneCalls) Turns(ctx context.Context, sid string) ([]aurora.SpokenTurn, error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	var turns []aurora.SpokenTurn
	for page := range maxPages {
		var item dynamo.Item
		err := t.Get("key", turnsKey(sid, page)).Consistent(true).One(ctx, &item)
		if errors.Is(err, dynamo.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, errPhoneStore("read turns", err)
		}
		for name, value := range item {
			text, isText := parseString(value)
			if _, err := strconv.ParseInt(strings.TrimPrefix(name, turnPrefix), 10, 64); err != nil || !strings.HasPrefix(name, turnPrefix) || !isText {
				continue
			}
			var turn aurora.SpokenTurn
			if err := json.Unmarshal([]byte(text), &turn); err != nil {
				return nil, fmt.Errorf("read turn: %w", err)
			}
			turns = append(turns, turn)
		}
		if size, ok := parseNumber(item[turnBytesKey]); !ok || *size < maxTurnsPage {
			break
		}
	}
	slices.SortFunc(turns, func(a, b aurora.SpokenTurn) int { return cmp.Compare(a.Generation, b.Generation) })
	return turns, nil
}
