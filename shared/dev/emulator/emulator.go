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
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// DefaultConcurrency is the number of processes of one function if Options.Concurrency is 0.
const DefaultConcurrency = 64

const maxPort = 65535

// Options configure a Stack.
type Options struct {
	Root        string    // the folder that holds template.yaml and functions/
	Data        string    // the folder for all data; it is created if it does not exist
	Port        int       // of the API; function URLs and then WebSocket APIs use the ports after it. 0 uses free ports
	BasePath    string    // of a custom domain whose mapping the API plays, such as /voice; "" is none
	Concurrency int       // most processes of one function; 0 is DefaultConcurrency
	Out         io.Writer // messages for the operator; nil drops them
	Environ     []string  // variables in the form of os.Environ; they override the template's
	Bin         string    // a folder with programs that are already built, <function>/bootstrap

	// Seed is called before the stack is ready if the assistants table is empty.
	Seed func(ctx context.Context, info Info) error

	clientsFolder string        // the npm folder with dynalite; "" is <Root>/shared/dev/compat
	stopTimeout   time.Duration // 0 is shutdownTimeout
}

// Stack is a running emulator with all functions of the template.
type Stack struct {
	options      Options
	template     *template
	plan         *plan
	socketLimits socketLimits
	bin          string
	info         Info

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

	outMu       sync.Mutex
	callers     []*http.Server
	socketHosts map[string]string // hosts of WebSocket APIs in AWS, and their addresses here
	fatal       chan error        // receives the first error after which the stack cannot go on
	once        sync.Once
	stopErr     error
	cleanups    []func(ctx context.Context) error // in the order in which they were added
	dynamoStop  func(ctx context.Context) error
}

// Run starts a stack, prints its addresses, and serves until ctx is done. It leaves no process behind.
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
		s.printf("stopping: open requests may end within %s. Ctrl-C again ends them now.", s.options.stopTimeout)
	case err = <-s.fatal:
	}
	return errors.Join(err, s.Close())
}

// Start starts a stack. ctx limits the start only; Close ends the stack.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if !isBasePath(o.BasePath) {
		return nil, fmt.Errorf("BASE_PATH must be segments of letters, digits and -_.+ with a slash before each, such as /voice, not %q", o.BasePath)
	}
	if o.stopTimeout == 0 {
		o.stopTimeout = shutdownTimeout
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
	if err := t.setParameters(lookupEnv(o.Environ, "STACK_PARAMETERS")); err != nil {
		return nil, err
	}
	p, err := newPlan(t)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	if last := maxPort - p.addresses(); o.Port < 0 || o.Port > last {
		return nil, fmt.Errorf("PORT must be a number from 0 to %d, not %d: the API takes this port, and %d function URLs and WebSocket APIs take the ports after it; 0 takes free ports",
			last, o.Port, p.addresses())
	}
	limits, err := socketLimitsFrom(o.Environ)
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, template: t, plan: p, socketLimits: limits, byARN: map[string]*function{}, fatal: make(chan error, 1), http: &http.Transport{MaxIdleConnsPerHost: 64},
		info: Info{Stage: p.stage, FunctionURLs: map[string]string{}, Keys: map[string]string{}, Endpoints: map[string]string{}, Tables: map[string]string{},
			Queues: map[string]string{}, Assistants: []string{}}}
	s.tasks = &taskGroup{printf: s.printf}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

var basePathPattern = regexp.MustCompile(`^(/[A-Za-z0-9_.+-]+)*$`)

// isBasePath reports whether the gateway takes a text as a base path.
func isBasePath(s string) bool { return basePathPattern.MatchString(s) }

// Info returns the addresses, keys and names.
func (s *Stack) Info() Info { return s.info }

// Fatal returns a channel that receives an error if the stack cannot go on.
func (s *Stack) Fatal() <-chan error { return s.fatal }

func (s *Stack) start(ctx context.Context) error {
	file, err := lockDataFolder(filepath.Join(s.options.Data, "lock"))
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return file.Close() })
	// If the last run was killed, its file still says that all is ready, with addresses that do not exist any more.
	if err := os.Remove(filepath.Join(s.options.Data, InfoFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the last run's %s: %w", InfoFile, err)
	}
	for _, w := range s.plan.warnings {
		s.printf("%s", w)
	}
	s.launcher = newLauncher(s.tasks)
	s.onStop(func(context.Context) error { close(s.launcher.quit); return nil })

	s.printf("building %d functions and starting the stores …", len(s.plan.functions))
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

// ready stores the first assistants, starts the triggers and writes run.json.
func (s *Stack) ready(ctx context.Context) error {
	table := s.info.Tables["assistants"]
	if table != "" {
		ids, err := assistantIDs(ctx, s.dynamo, table)
		if err != nil {
			return err
		}
		if len(ids) == 0 && s.options.Seed != nil {
			if err := s.options.Seed(ctx, s.info); err != nil {
				return fmt.Errorf("store the first assistants: %w", err)
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
	if err := s.watchEnd(); err != nil {
		s.printf("if this process is killed, %s will still say that it is ready: %v", InfoFile, err)
	}
	s.info.Ready, s.info.PID = true, os.Getpid()
	s.onStop(func(context.Context) error {
		s.info.Ready = false
		return s.info.write(s.options.Data)
	})
	return s.info.write(s.options.Data)
}

// printf prints a line for the operator.
func (s *Stack) printf(format string, args ...any) { s.println(fmt.Sprintf(format, args...)) }

func (s *Stack) println(line string) {
	if s.options.Out == nil {
		return
	}
	s.outMu.Lock()
	defer s.outMu.Unlock()
	_, _ = fmt.Fprintln(s.options.Out, line)
}

// fail reports that the stack cannot go on. Only the first error counts.
func (s *Stack) fail(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}

func (s *Stack) onStop(f func(ctx context.Context) error) { s.cleanups = append(s.cleanups, f) }

// shutdownTimeout is the time that open requests, such as streamed answers, get to end when the stack stops.
const shutdownTimeout = 10 * time.Second

// Close ends every process and waits until nothing runs any more. It does not remove data.
func (s *Stack) Close() error {
	s.once.Do(func() {
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), s.options.stopTimeout)
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

const readHeaderTimeout = 30 * time.Second

// serveUntilShutDown serves HTTP until the server is shut down. If it ends otherwise, the stack cannot go on.
func (s *Stack) serveUntilShutDown(name string, server *http.Server, listener net.Listener) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.fail(fmt.Errorf("serve %s: %w", name, err))
	}
}

// serve serves HTTP on a listener until the stack stops, and returns the listener's URL.
func (s *Stack) serve(name string, listener net.Listener, handler http.Handler) string {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	s.tasks.run("serving "+name, func() { s.serveUntilShutDown(name, server, listener) })
	s.onStop(func(ctx context.Context) error { return shutDown(ctx, server) })
	return "http://" + listener.Addr().String()
}

// shutDown accepts no more requests, and cuts those that do not end in time.
func shutDown(ctx context.Context, server *http.Server) error {
	if server.Shutdown(ctx) != nil {
		return server.Close()
	}
	return nil
}

// listenLoopback listens on a free port of 127.0.0.1.
func listenLoopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func (s *Stack) awsConfig() aws.Config {
	keys := awsCredentials(s.options.Environ)
	return aws.Config{Region: region, HTTPClient: &http.Client{Transport: s.http}, RetryMaxAttempts: 2,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: keys["AWS_ACCESS_KEY_ID"], SecretAccessKey: keys["AWS_SECRET_ACCESS_KEY"], SessionToken: keys["AWS_SESSION_TOKEN"]}, nil
		})}
}
