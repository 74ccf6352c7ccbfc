package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/webhook"
)

// reindex rebuilds the table of calls from the reports in the bucket and the analyses that are kept beside them.
func (p *program) reindex(ctx context.Context) error {
	f := p.flags("reindex")
	stage := f.String("stage", "", "a deployed stage; the local stack where empty")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	days, err := p.number("RETENTION_DAYS", 400)
	if err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	name, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	retention := time.Duration(days) * 24 * time.Hour
	objects := s3.New(s.at("s3"), name)
	r := &reindexing{
		out: p.out, store: name, keys: objects, progress: filepath.Join(p.dataFolder(), "reindex-"+s.stage+".json"),
		worker: &webhook.Worker{
			Reader:     objects,
			Assistants: dynamo.NewAssistants(s.at("dynamodb"), s.table("assistants"), time.Now),
			Index: &webhook.Index{
				Ledger: dynamo.NewLedger(s.at("dynamodb"), s.table("ledger"), time.Now),
				Rows:   dynamo.NewCalls(s.at("dynamodb"), s.table("calls"), retention),
				Now:    time.Now, Retention: retention,
			},
			Keeper: webhook.Keeper{Objects: objects, Now: time.Now, Count: func(context.Context, string) {}},
		},
	}
	return r.run(ctx)
}

// bucket is the name of the stack's bucket. A deployed one's holds the account, which the address of a queue tells.
func (s *stack) bucket(ctx context.Context) (string, error) {
	if s.local != nil {
		return s.local.Bucket, nil
	}
	cfg, err := s.at("sqs")()
	if err != nil {
		return "", err
	}
	queue := "aurora-" + s.stage + "-calls"
	found, err := sqs.NewFromConfig(cfg).GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return "", fmt.Errorf("find the account of stage %s: %w", s.stage, err)
	}
	parts := strings.Split(*found.QueueUrl, "/")
	if len(parts) < 2 {
		return "", fmt.Errorf("find the account of stage %s: the queue's address %s has none", s.stage, *found.QueueUrl)
	}
	return "aurora-" + s.stage + "-" + parts[len(parts)-2] + "-" + cfg.Region, nil
}

const (
	reports  = "eoc/" // what the keys of all reports begin with
	atOnce   = 8      // reports at work at once
	aBatch   = 64     // reports after which the progress is noted
	cutTries = 3      // reads of an object that breaks off each time
)

// lister gives the keys that begin with a prefix, in order, after a key.
type lister interface {
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error]
}

// reindexing is one run over a bucket.
type reindexing struct {
	out      io.Writer
	store    string // the bucket's name
	keys     lister
	worker   *webhook.Worker
	progress string // a file

	mu   sync.Mutex
	done noted
	rows map[uint64]bool // hashes of the places of rows
	bar  *progressbar.ProgressBar
}

// noted is how far reindexing came: everything up to and with the key After. The file is removed at the end.
type noted struct {
	Bucket     string   `json:"bucket"`
	After      string   `json:"after"`
	Read       int      `json:"read"`
	Rows       int      `json:"rows"` // of the runs before this one
	Gone       int      `json:"gone"`
	Unreadable []string `json:"unreadable"`
}

func (r *reindexing) run(ctx context.Context) error {
	r.rows = map[uint64]bool{}
	if err := r.resume(); err != nil {
		return err
	}
	total := 0
	for _, err := range r.keys.List(ctx, reports, r.done.After) {
		if err != nil {
			return err
		}
		total++
	}
	r.say("%d report(s) in %s to index", total, r.store)
	r.begin(total)
	var batch []string
	for key, err := range r.keys.List(ctx, reports, r.done.After) {
		if err != nil {
			return r.stopped(err)
		}
		if batch = append(batch, key); len(batch) == aBatch {
			if err := r.index(ctx, batch); err != nil {
				return r.stopped(err)
			}
			batch = batch[:0]
		}
	}
	if err := r.index(ctx, batch); err != nil {
		return r.stopped(err)
	}
	r.end()
	if err := os.Remove(r.progress); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, key := range r.done.Unreadable {
		r.say("unreadable: %s", key)
	}
	r.say("%d reports read, %d rows, %d gone, %d unreadable", r.done.Read, r.done.Rows+len(r.rows), r.done.Gone, len(r.done.Unreadable))
	r.say("Rows of calls that only the telephone provider's callbacks told of have no report, and stay as they are.")
	return nil
}

// resume reads how far an earlier run came, where there was one over this bucket.
func (r *reindexing) resume() error {
	r.done = noted{Bucket: r.store}
	b, err := os.ReadFile(r.progress)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var there noted
	if err == nil {
		err = json.Unmarshal(b, &there)
	}
	if err != nil {
		return fmt.Errorf("read %s (remove it to begin anew): %w", r.progress, err)
	}
	if there.Bucket == r.store {
		r.done = there
		r.say("going on after %s, as %s says", there.After, r.progress)
	}
	return nil
}

// note writes how far it came. Half a file is never left in its place.
func (r *reindexing) note() error {
	there := r.done
	there.Rows += len(r.rows)
	b, err := json.Marshal(there)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.progress), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(r.progress+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(r.progress+".new", r.progress)
}

func (r *reindexing) stopped(err error) error {
	r.end()
	return fmt.Errorf("stopped after %s (run it again to go on from there): %w", orElse(r.done.After, "nothing"), err)
}

// index indexes a batch, several at once, and notes that it is done.
func (r *reindexing) index(ctx context.Context, batch []string) error {
	if len(batch) == 0 {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	before := r.done
	before.Unreadable = slices.Clone(before.Unreadable)
	for _, key := range batch {
		g.Go(func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("index %s: panic: %v", key, p)
				}
			}()
			return r.one(ctx, key)
		})
	}
	if err := g.Wait(); err != nil {
		r.done = before // what was done of the batch is done again, and counted then
		return err
	}
	slices.Sort(r.done.Unreadable)
	r.done.After = batch[len(batch)-1]
	return r.note()
}

// one indexes one report, and counts what came of it.
func (r *reindexing) one(ctx context.Context, key string) error {
	at, err := r.worker.Report(ctx, key)
	for try := 1; errors.Is(err, io.ErrUnexpectedEOF) && try < cutTries; try++ {
		at, err = r.worker.Report(ctx, key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.done.Read++
		r.rows[hashed(at)] = true
	case fault.Is(err, fault.NotFound):
		r.done.Gone++
	case fault.Is(err, fault.Invalid), errors.Is(err, io.ErrUnexpectedEOF):
		r.done.Unreadable = append(r.done.Unreadable, key)
	default:
		return err
	}
	if r.bar != nil {
		_ = r.bar.Add(1)
	}
	return nil
}

func hashed(at aurora.Place) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\n%s", at.Partition(), at.CallID) // a hash never fails
	return h.Sum64()
}

func (r *reindexing) say(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format+"\n", args...) }

// begin draws a bar where somebody is looking.
func (r *reindexing) begin(total int) {
	f, ok := r.out.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	r.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionShowCount(), progressbar.OptionSetDescription("indexing"),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
}

func (r *reindexing) end() {
	if r.bar != nil {
		_ = r.bar.Exit()
		r.say("")
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
