package main

import (
	"cmp"
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
	"example.com/aurora/shared/core/phonetables"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/usecase/callindex"
)

// reindex rebuilds the calls table from the end-of-call reports in the bucket and the analyses that are stored beside them.
func (p *program) reindex(ctx context.Context) error {
	f := p.flags("reindex")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	phonetables.Use("") // as the worker reads numbers
	days, err := p.intFromEnv("RETENTION_DAYS", 400)
	if err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	name, err := s.bucketName(ctx)
	if err != nil {
		return err
	}
	retention := time.Duration(days) * 24 * time.Hour
	objects := s3.New(s.awsConfig("s3"), name)
	ledger := dynamo.NewLedger(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now)
	r := &reindexRun{
		out: p.out, bucket: name, table: s.tableName("calls"), keys: objects, progressFile: filepath.Join(p.dataFolder(), "reindex-"+s.stage+".json"),
		worker: &callindex.Worker{
			Reader:     objects,
			Erased:     ledger,
			Remover:    objects,
			Assistants: dynamo.NewAssistants(s.awsConfig("dynamodb"), s.tableName("assistants"), time.Now),
			Index: &callindex.Index{
				Aliases: ledger,
				Rows:    dynamo.NewCalls(s.awsConfig("dynamodb"), s.tableName("calls"), retention),
				Now:     time.Now, Retention: retention,
			},
		},
	}
	return r.run(ctx)
}

// bucketName returns the name of the stack's bucket. That of a deployed stack contains the account id, which is taken from the
// URL of a queue.
func (s *stack) bucketName(ctx context.Context) (string, error) {
	if s.local != nil {
		return s.local.Bucket, nil
	}
	cfg, err := s.awsConfig("sqs")()
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
		return "", fmt.Errorf("find the account of stage %s: the queue URL %s has no account id", s.stage, *found.QueueUrl)
	}
	return "aurora-" + s.stage + "-" + parts[len(parts)-2] + "-" + cfg.Region, nil
}

const (
	maxParallel  = 8  // reports that are indexed at the same time
	batchSize    = 64 // reports after which the progress is saved
	maxReadTries = 3  // reads of an object whose body ends too early each time
)

// lister yields the keys that begin with a prefix and come after a key, in order.
type lister interface {
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error]
}

// reindexRun is one run of reindex over a bucket.
type reindexRun struct {
	out          io.Writer
	bucket       string // its name
	table        string // the name of the table of calls
	keys         lister
	worker       *callindex.Worker
	progressFile string

	mu   sync.Mutex
	done progress
	rows map[uint64]bool // hashes of the rows' keys; their number is the number of rows
	bar  *progressbar.ProgressBar
}

// progress is what a run has done: it has indexed every key up to and including After. It is saved in a file, which is removed
// at the end of the last run.
type progress struct {
	Bucket     string   `json:"bucket"`
	Table      string   `json:"table"`
	After      string   `json:"after"`
	Read       int      `json:"read"`
	Rows       int      `json:"rows"` // of earlier runs
	Gone       int      `json:"gone"`
	Unreadable []string `json:"unreadable"`
}

func (r *reindexRun) run(ctx context.Context) error {
	r.rows = map[uint64]bool{}
	if err := r.loadProgress(); err != nil {
		return err
	}
	total := 0
	for _, err := range r.keys.List(ctx, aurora.EndOfCallPrefix, r.done.After) {
		if err != nil {
			return err
		}
		total++
	}
	r.printLine("%d end-of-call report(s) to index in %s", total, r.bucket)
	r.bar = newProgressBar(r.out, total, "indexing")
	var batch []string
	for key, err := range r.keys.List(ctx, aurora.EndOfCallPrefix, r.done.After) {
		if err != nil {
			return r.wrapStop(err)
		}
		if batch = append(batch, key); len(batch) == batchSize {
			if err := r.index(ctx, batch); err != nil {
				return r.wrapStop(err)
			}
			batch = batch[:0]
		}
	}
	if err := r.index(ctx, batch); err != nil {
		return r.wrapStop(err)
	}
	r.finishBar()
	if err := os.Remove(r.progressFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, key := range r.done.Unreadable {
		r.printLine("unreadable: %s", key)
	}
	r.printLine("%d reports read, %d rows, %d gone, %d unreadable", r.done.Read, r.done.Rows+len(r.rows), r.done.Gone, len(r.done.Unreadable))
	r.printLine("Calls that are known only from the telephone provider's callbacks have no report. Their rows stay as they are.")
	return nil
}

// loadProgress reads the progress of an earlier run over this bucket and into this table, if there is one.
func (r *reindexRun) loadProgress() error {
	r.done = progress{Bucket: r.bucket, Table: r.table}
	b, err := os.ReadFile(r.progressFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var saved progress
	if err == nil {
		err = json.Unmarshal(b, &saved)
	}
	if err != nil {
		return fmt.Errorf("read %s (remove it to start from the beginning): %w", r.progressFile, err)
	}
	if saved.Bucket == r.bucket && saved.Table == r.table {
		r.done = saved
		r.printLine("resuming after %s, as %s says", saved.After, r.progressFile)
	}
	return nil
}

// saveProgress writes the progress. The file is replaced in one step, so that it is never incomplete.
func (r *reindexRun) saveProgress() error {
	saved := r.done
	saved.Rows += len(r.rows)
	b, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.progressFile), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(r.progressFile+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(r.progressFile+".new", r.progressFile)
}

func (r *reindexRun) wrapStop(err error) error {
	r.finishBar()
	return fmt.Errorf("stopped after %s (run it again to resume there): %w", cmp.Or(r.done.After, "nothing"), err)
}

// index indexes a batch of reports, several at the same time, and saves the progress.
func (r *reindexRun) index(ctx context.Context, batch []string) error {
	if len(batch) == 0 {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	before := r.done
	before.Unreadable = slices.Clone(before.Unreadable)
	for _, key := range batch {
		g.Go(func() error {
			err := safego.Call(func() error { return r.indexReport(ctx, key) })
			if panicked, ok := errors.AsType[*safego.PanicError](err); ok {
				return fmt.Errorf("index %s: %w", key, panicked)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		r.done = before // the next run indexes the whole batch again, and counts it then
		return err
	}
	slices.Sort(r.done.Unreadable)
	r.done.After = batch[len(batch)-1]
	return r.saveProgress()
}

// indexReport indexes one report and counts the result.
func (r *reindexRun) indexReport(ctx context.Context, key string) error {
	at, err := r.worker.IndexReport(ctx, key)
	for try := 1; errors.Is(err, io.ErrUnexpectedEOF) && try < maxReadTries; try++ {
		at, err = r.worker.IndexReport(ctx, key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.done.Read++
		r.rows[hashKey(at)] = true
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

func hashKey(at aurora.CallKey) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\n%s", at.Partition(), at.CallID) // a hash never fails
	return h.Sum64()
}

func (r *reindexRun) printLine(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format+"\n", args...)
}

func (r *reindexRun) finishBar() {
	if r.bar != nil {
		_ = r.bar.Exit()
		r.printLine("")
	}
}
