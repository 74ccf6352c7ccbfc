package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"net/url"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/safego"
)

const (
	maxParallel = 16  // objects that are read at the same time
	batchSize   = 256 // objects that are listed before they are read
)

// verdict says what a version of an object holds.
type verdict uint8

const (
	clean   verdict = iota
	mention         // the number, in something that is not the person's
	theirs          // the person's call
)

// search is what is known of the person's data. It is kept for all searches of one run.
type search struct {
	*Service
	number  matcher
	calls   *calls
	aliases *aliases
	seed    maphash.Seed
	read    map[uint64]verdict // by a hash of the version
}

func (s *Service) newSearch(number aurora.Phone) *search {
	return &search{Service: s, number: newMatcher(number), calls: newCalls(), aliases: newAliases(), seed: maphash.MakeSeed(), read: map[uint64]verdict{}}
}

func (s *search) versionHash(v aurora.ObjectVersion) uint64 {
	return maphash.String(s.seed, v.Key+"\x00"+v.ID+"\x00"+v.ETag)
}

// checkOwn returns an error if the number stands in the configuration of an assistant: then it is not a caller's, and most
// calls would name it.
func (s *search) checkOwn(ctx context.Context) error {
	for item, err := range s.Assistants.All(ctx) {
		if err != nil {
			return err
		}
		if _, found := s.number.removeFrom(map[string]any(item)); found {
			return fault.Newf(fault.Invalid, "The number stands in the configuration of the assistant %s. Only the data of a number that no assistant names can be searched for.", item.Text("assistantId"))
		}
	}
	return nil
}

// find finds the person's calls, and reads what has not been read before.
func (s *search) find(ctx context.Context) error {
	s.calls.changed = false
	for item, err := range s.Calls.All(ctx) {
		if err != nil {
			return err
		}
		if s.number.is(item.Text("customer")) || s.number.in(item.Text("callId")) {
			row := rowKey(item)
			_, objectName := aurora.CallOfKey(item.Text("key"))
			s.calls.add(row.AssistantID, row.CallID, item.Text("id"), objectName)
		}
	}
	if err := s.readObjects(ctx, aurora.EndOfCallPrefix); err != nil {
		return err
	}
	s.aliases = newAliases()
	for again := true; again; {
		s.calls.changed = false
		more, err := s.followLedger(ctx)
		if err != nil {
			return err
		}
		again = more || s.calls.changed
	}
	return s.readObjects(ctx, "")
}

func rowKey(item aurora.StoredItem) aurora.CallKey {
	return aurora.ParseCallKey(item.Text("assistantDay"), item.Text("callId"))
}

// followLedger adds the ids that the ledger knows of the person's calls. It reports whether it read records that it did not know.
func (s *search) followLedger(ctx context.Context) (more bool, err error) {
	n := 0
	for item, err := range s.Ledger.All(ctx) {
		if err != nil {
			return false, err
		}
		s.progress("ledger items", n)
		n++
		key := item.Text("key")
		if hash, ok := strings.CutPrefix(key, erasedPrefix); ok && item["finished"] != true && !s.calls.erased[hash] {
			s.calls.erased[hash], s.calls.changed = true, true
		}
		if name, ok := strings.CutPrefix(key, aliasPrefix); ok {
			more = s.aliases.add(name, item, s.calls) || more
		}
		if c, ok := phoneCall(item); ok && s.number.is(string(c.Customer)) {
			s.calls.add(c.AssistantID, c.SID, c.RecordID)
		}
		if id, ok := strings.CutPrefix(key, outboundPrefix); ok {
			if s.number.is(item.Text("to")) || s.number.is(item.Text("number")) {
				s.calls.add(item.Text("assistantId"), id, item.Text("sid"))
			}
		}
	}
	s.aliases.join(s.calls)
	return more, nil
}

// readObjects reads the versions that have not been read, several at the same time.
func (s *search) readObjects(ctx context.Context, prefix string) error {
	var batch []aurora.ObjectVersion
	n := 0
	for v, err := range s.Bucket.Versions(ctx, prefix) {
		if err != nil {
			return err
		}
		if _, done := s.read[s.versionHash(v)]; v.DeleteMarker || done && !dependsOnCalls(v.Key) {
			continue
		}
		if batch = append(batch, v); len(batch) == batchSize {
			n += len(batch)
			if err := s.readBatch(ctx, batch); err != nil {
				return err
			}
			s.progress("objects", n)
			batch = batch[:0]
		}
	}
	return s.readBatch(ctx, batch)
}

// dependsOnCalls reports whether what an object is depends on which calls are known as the person's. Such an object is read in
// every search.
func dependsOnCalls(key string) bool {
	return strings.HasPrefix(key, aurora.ReportsPrefix) || strings.HasPrefix(key, aurora.UnrecognisedPrefix)
}

// content is what a version holds.
type content struct {
	verdict     verdict
	assistantID string
	ids         []string // of the call that is the person's
}

func (s *search) readBatch(ctx context.Context, batch []aurora.ObjectVersion) error {
	contents := make([]content, len(batch))
	err := errors.Join(safego.Each(ctx, len(batch), maxParallel, func(i int) error {
		body, err := s.Bucket.ReadVersion(ctx, batch[i])
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			contents[i] = s.judge(batch[i].Key, body)
		}
		return err
	})...)
	if err != nil {
		return fmt.Errorf("read objects: %w", err)
	}
	for i, c := range contents {
		s.read[s.versionHash(batch[i])] = c.verdict
		if c.verdict == theirs && strings.HasPrefix(batch[i].Key, aurora.EndOfCallPrefix) {
			assistantID, name := aurora.CallOfKey(batch[i].Key)
			s.calls.add(assistantID, name)
			s.calls.add(c.assistantID, append(c.ids, name)...)
		}
	}
	return nil
}

// judge says what an object holds. A report belongs to the person if its other side has the number.
func (s *search) judge(key string, body []byte) content {
	var c content
	if s.number.inBody(body) || strings.HasPrefix(key, aurora.ReportsPrefix) && s.listsCall(key, body) {
		c.verdict = mention
	}
	if strings.HasPrefix(key, aurora.UnrecognisedPrefix) {
		if m, err := providermsg.ParseMessage(body); c.verdict == mention || err == nil && s.isOfCall(m) {
			c.verdict = theirs
		}
		return c
	}
	if !strings.HasPrefix(key, aurora.EndOfCallPrefix) {
		return c
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return c
	}
	report := m.EndOfCall()
	if s.number.is(string(report.Customer)) || s.number.in(key) {
		c = content{verdict: theirs, assistantID: report.AssistantID, ids: report.IDs}
	}
	return c
}

// isOfCall reports whether a message is about a call of the person.
func (s *search) isOfCall(m providermsg.Message) bool {
	id := m.Identity()
	return slices.ContainsFunc(id.CallIDs, func(callID string) bool {
		return s.owns(aurora.AssistantKey(id.AssistantID), aurora.SafeKey(callID))
	})
}

// listsCall reports whether an object of a report names a call of the person.
func (s *search) listsCall(key string, body []byte) bool {
	assistantID, _ := aurora.CallOfKey(key)
	for token := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return !isIDRune(r) }) {
		if s.calls.has(assistantID, token) {
			return true
		}
	}
	return false
}

// isIDRune reports whether a character may stand in an id that aurora.IsSafeID accepts.
func isIDRune(r rune) bool {
	return aurora.IsSafeID(string(r)) || r == '-' || r == '.' || r == '_'
}

// mark remembers the person's calls before anything of them is removed.
func (s *search) mark(ctx context.Context) error {
	var calls []string
	for assistantID, names := range s.calls.byAssistant() {
		for _, name := range names {
			for _, id := range []string{anyAssistant, assistantID} {
				if call := aurora.ErasedCall(id, name); !s.calls.erased[call] {
					s.calls.erased[call] = true
					calls = append(calls, call)
				}
			}
		}
	}
	return s.Tombstones.MarkErased(ctx, calls, false)
}

// finish remembers that nothing of the calls is left. Later, only the call worker looks for them: the id of a call may be used
// again.
func (s *search) finish(ctx context.Context) error {
	return s.Tombstones.MarkErased(ctx, slices.Sorted(maps.Keys(s.calls.erased)), true)
}

// itemVerdict says what an item of the ledger is.
func (s *search) itemVerdict(item aurora.StoredItem) verdict {
	key := item.Text("key")
	if strings.HasPrefix(key, doNotCallPrefix) || strings.HasPrefix(key, erasedPrefix) {
		return clean
	}
	parts := strings.Split(key, "#")[1:]
	belongs := s.number.in(key)
	switch prefix, rest, _ := strings.Cut(key, "#"); prefix + "#" {
	case aliasPrefix:
		belongs = belongs || s.aliases.isTheirs(rest, s.calls)
	case outboundPrefix:
		belongs = belongs || s.number.is(item.Text("to")) || s.number.is(item.Text("number")) || s.calls.knows(rest) || s.calls.knows(item.Text("record"))
	case sessionPrefix, resultPrefix: // assistant, call, caller and more
		belongs = belongs || len(parts) > 2 && (s.isCallerPart(parts[2]) || parts[2] == aurora.SafeKey("") && s.calls.has(parts[0], parts[1])) ||
			len(parts) == 2 && s.calls.has(parts[0], parts[1]) // a session of an earlier version
	case phonePrefix, turnsPrefix: // the sid of the call, which Twilio gives only once; turns may have more behind it
		belongs = belongs || s.calls.knows(parts[0])
	case connPrefix, tokenPrefix:
		belongs = belongs || s.namesCall(item, "callSid", "usedBy", "record")
	default: // an item of one person may name the person in customer
		belongs = belongs || s.namesCall(item, "record") || s.number.is(item.Text("customer"))
	}
	if belongs {
		return theirs
	}
	if _, found := s.number.removeFrom(map[string]any(item)); found {
		return mention
	}
	return clean
}

// namesCall reports whether one of an item's fields is the id of a call of the person, of any assistant.
func (s *search) namesCall(item aurora.StoredItem, fields ...string) bool {
	return slices.ContainsFunc(fields, func(field string) bool { return item.Text(field) != "" && s.calls.knows(item.Text(field)) })
}

// phoneCall returns the state of a phone call. It is not ok for any other item.
func phoneCall(item aurora.StoredItem) (c aurora.PhoneCall, ok bool) {
	return c, strings.HasPrefix(item.Text("key"), phonePrefix) && json.Unmarshal([]byte(item.Text("state")), &c) == nil
}

// isCallerPart reports whether a part of a key is the number.
func (s *search) isCallerPart(part string) bool {
	return slices.ContainsFunc(s.number.spellings, func(p aurora.Phone) bool { return part == aurora.SafeKey(string(p)) })
}

// rowVerdict says what a row of the calls table is.
func (s *search) rowVerdict(item aurora.StoredItem) verdict {
	row := rowKey(item)
	if s.number.is(item.Text("customer")) || s.number.in(row.CallID) || s.owns(row.AssistantID, row.CallID) {
		return theirs
	}
	if _, found := s.number.removeFrom(map[string]any(item)); found {
		return mention
	}
	return clean
}

// cleanedFields returns the fields of an item from which the number was removed.
func (s *search) cleanedFields(item aurora.StoredItem) map[string]any {
	changed := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if v, ok := s.number.removeFrom(item[name]); ok {
			changed[name] = v
		}
	}
	return changed
}

// messageVerdict says what a queued message is, and returns the report in it, if it is one.
func (s *search) messageVerdict(m aurora.QueuedMessage) (verdict, []byte) {
	if s.isTextOf([]byte(m.Body)) {
		return theirs, []byte(m.Body)
	}
	report, packed, err := s.Packing.Unpack(m)
	if packed = packed && err == nil; !packed { // the worker cannot read a broken one either; it expires in the dead-letter queue
		report = []byte(m.Body)
	}
	if packed {
		if p, err := providermsg.ParseMessage(report); err == nil {
			if r := p.EndOfCall(); s.number.is(string(r.Customer)) || s.isOfCall(p) {
				s.calls.add(r.AssistantID, r.IDs...)
				return theirs, report
			}
		}
	} else if s.notifiesOfCall(report) {
		return theirs, report
	}
	if s.number.inBody(report) {
		return mention, report
	}
	return clean, report
}

// isTextOf reports whether a message is a text message that the person sent.
func (s *search) isTextOf(body []byte) bool {
	var text aurora.IncomingText
	if json.Unmarshal(body, &text) != nil || !aurora.IsMessageSID(text.SID) {
		return false
	}
	from, ok := text.From.Phone()
	return ok && s.number.is(string(from))
}

// notifiesOfCall reports whether a message of the bucket names a report of the person.
func (s *search) notifiesOfCall(body []byte) bool {
	var n struct {
		Records []struct {
			S3 struct {
				Object struct {
					Key string `json:"key"`
				} `json:"object"`
			} `json:"s3"`
		}
	}
	if json.Unmarshal(body, &n) != nil || len(n.Records) != 1 { // S3 sends one record in each message
		return false
	}
	key, err := url.QueryUnescape(n.Records[0].S3.Object.Key)
	return err == nil && s.ownsKey(key)
}

// ownsKey reports whether an object's key names the number or a call of the person.
func (s *search) ownsKey(key string) bool {
	return s.number.in(key) || s.owns(aurora.CallOfKey(key))
}

// owns reports whether a call of an assistant is the person's. One without an assistant belongs to the assistants of its id.
func (s *search) owns(assistantID, name string) bool {
	return s.calls.has(assistantID, name) || assistantID == aurora.NoAssistant && s.aliases.isTheirs(name, s.calls)
}
