package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// DefaultConcurrency is how many processes a function may have where Options do not say.
const DefaultConcurrency = 64

const maxPort = 65535

// Options say what to run, and where.
type Options struct {
	Root        string    // the folder that holds template.yaml and functions/
	Data        string    // the folder for everything that is kept; made where it is missing
	Port        int       // the API's; function URLs take those after it. 0 is any free one, for all of them
	Concurrency int       // processes of one function; DefaultConcurrency where 0
	Out         io.Writer // what an operator should see; nothing where nil
	Environ     []string  // as os.Environ: what is set there overrides the template
	Bin         string    // a folder of programs, <function>/bootstrap, that are built already

	// Seed is called once, before the stack is ready, when the assistants table is empty.
	Seed func(ctx context.Context, info Info) error

	clientsFolder string // the npm folder that has dynalite; <Root>/shared/dev/compat where empty
}

// Stack is a running bundle.
type Stack struct {
	options  Options
	template *template
	plan     *plan
	bin      string
	info     Info

	ctx       context.Context
	cancel    context.CancelFunc
	tasks     *taskGroup
	launcher  *launcher
	runtime   *runtimeAPI
	functions []*function
	byARN     map[string]*function
	invoker   *invoker
	objects   *objectStore
	http      *http.Transport
	dynamo    *dynamodb.Client
	s3        *s3.Client
	sqs       *sqs.Client
	secrets   *secretsmanager.Client

	outMu      sync.Mutex
	fatal      chan error // holds the first reason why the stack cannot go on
	once       sync.Once
	stopErr    error
	cleanups   []func(ctx context.Context) error // in order of starting
	dynamoStop func(ctx context.Context) error
}

// Run brings the bundle up, says where everything is, and serves until ctx is done. It leaves no process behind.
func Run(ctx context.Context, o Options) error {
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	if o.Out != nil {
		s.outMu.Lock()
		s.info.print(o.Out, o.Data)
		s.outMu.Unlock()
	}
	select {
	case <-ctx.Done():
	case err = <-s.fatal:
	}
	return errors.Join(err, s.Close())
}

// Start brings the bundle up. ctx bounds the start alone; Close ends the stack.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.clientsFolder == "" {
		o.clientsFolder = filepath.Join(o.Root, "shared", "dev", "compat")
	}
	for _, dir := range []string{o.Data, filepath.Join(o.Data, "logs"), filepath.Join(o.Data, "dynamodb")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("the data folder %s cannot be written; choose another with AURORA_DATA, such as AURORA_DATA=/tmp/aurora: %w", o.Data, err)
		}
	}
	t, err := readTemplate(filepath.Join(o.Root, "template.yaml"))
	if err != nil {
		return nil, err
	}
	p, err := newPlan(t)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	if last := maxPort - p.functionURLs(); o.Port < 0 || o.Port > last {
		return nil, fmt.Errorf("PORT must be a number from 0 to %d, not %d: the API takes this port, and %d function URLs take the ports after it; 0 takes free ports",
			last, o.Port, p.functionURLs())
	}
	s := &Stack{options: o, template: t, plan: p, byARN: map[string]*function{}, fatal: make(chan error, 1), http: &http.Transport{MaxIdleConnsPerHost: 64},
		info: Info{FunctionURLs: map[string]string{}, Keys: map[string]string{}, Endpoints: map[string]string{}, Tables: map[string]string{},
			Queues: map[string]string{}, Assistants: []string{}}}
	s.tasks = &taskGroup{printf: s.printf}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Info says where everything is.
func (s *Stack) Info() Info { return s.info }

// Fatal gives the reason why the stack cannot go on, should there come to be one.
func (s *Stack) Fatal() <-chan error { return s.fatal }

func (s *Stack) start(ctx context.Context) error {
	file, err := lockDataFolder(filepath.Join(s.options.Data, "lock"))
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return file.Close() })
	// One that a killed run left says that all is ready, at addresses that are nobody's any more.
	if err := os.Remove(filepath.Join(s.options.Data, InfoFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the last run's %s: %w", InfoFile, err)
	}
	for _, w := range s.plan.warnings {
		s.printf("%s", w)
	}
	s.launcher = newLauncher(s.tasks)
	s.onStop(func(context.Context) error { close(s.launcher.quit); return nil })

	s.printf("building %d functions, starting the stores …", len(s.plan.functions))
	built := make(chan error, 1)
	if s.bin = s.options.Bin; s.bin == "" {
		s.bin = filepath.Join(s.options.Data, "bin")
	}
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return err
	}
	building, stopBuilding := context.WithCancel(ctx)
	defer stopBuilding()
	s.tasks.run("building", func() {
		if s.options.Bin != "" {
			built <- nil
			return
		}
		built <- build(building, s.options.Root, s.bin, s.options.Environ, s.plan.functions)
	})
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.startStores(ctx); err != nil {
		return err
	}
	if err := s.startFunctions(); err != nil {
		return err
	}
	select {
	case err := <-built:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.startServing(listeners); err != nil {
		return err
	}
	return s.ready(ctx)
}

// ready puts in the first assistants and tells that all is up.
func (s *Stack) ready(ctx context.Context) error {
	table := s.info.Tables["assistants"]
	if table != "" {
		ids, err := assistantIDs(ctx, s.dynamo, table)
		if err != nil {
			return err
		}
		if len(ids) == 0 && s.options.Seed != nil {
			if err := s.options.Seed(ctx, s.info); err != nil {
				return fmt.Errorf("putting in the first assistants: %w", err)
			}
			if ids, err = assistantIDs(ctx, s.dynamo, table); err != nil {
				return err
			}
		}
		s.info.Assistants = append(s.info.Assistants, ids...)
	}
	if err := s.writeSAM(filepath.Join(s.options.Data, samFile)); err != nil {
		return err
	}
	if s.objects != nil {
		if err := s.objects.sendPending(ctx); err != nil {
			return err
		}
	}
	s.startTriggers()
	s.info.Ready = true
	s.onStop(func(context.Context) error {
		s.info.Ready = false
		return s.info.write(s.options.Data)
	})
	return s.info.write(s.options.Data)
}

// printf shows the operator a line.
func (s *Stack) printf(format string, args ...any) { s.println(fmt.Sprintf(format, args...)) }

func (s *Stack) println(line string) {
	if s.options.Out == nil {
		return
	}
	s.outMu.Lock()
	defer s.outMu.Unlock()
	_, _ = fmt.Fprintln(s.options.Out, line)
}

// fail says why the stack cannot go on; the first reason counts.
func (s *Stack) fail(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}

func (s *Stack) onStop(f func(ctx context.Context) error) { s.cleanups = append(s.cleanups, f) }

// shutdownTimeout is how long requests under way may take to end when the stack stops.
const shutdownTimeout = 2 * time.Second

// Close ends every process and waits until nothing runs any more. The data stays.
func (s *Stack) Close() error {
	s.once.Do(func() {
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		var errs []error
		for i := len(s.cleanups) - 1; i >= 0; i-- {
			errs = append(errs, s.cleanups[i](ctx))
		}
		s.http.CloseIdleConnections()
		s.tasks.wait()
		s.stopErr = errors.Join(errs...)
	})
	return s.stopErr
}

// serve serves HTTP on a listener until the stack stops.
func (s *Stack) serve(name string, listener net.Listener, handler http.Handler) string {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 30 * time.Second, ErrorLog: nil}
	s.tasks.run("serving "+name, func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("serving %s: %w", name, err))
		}
	})
	s.onStop(func(ctx context.Context) error {
		if server.Shutdown(ctx) != nil {
			return server.Close() // requests that do not end in time are cut
		}
		return nil
	})
	return "http://" + listener.Addr().String()
}

// listenLoopback listens on a free port.
func listenLoopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func (s *Stack) awsConfig() aws.Config {
	keys := awsCredentials(s.options.Environ)
	return aws.Config{Region: region, HTTPClient: &http.Client{Transport: s.http}, RetryMaxAttempts: 2,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: keys["AWS_ACCESS_KEY_ID"], SecretAccessKey: keys["AWS_SECRET_ACCESS_KEY"], SessionToken: keys["AWS_SESSION_TOKEN"]}, nil
		})}
}
