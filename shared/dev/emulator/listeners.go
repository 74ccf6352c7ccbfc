package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"
)

// listeners are the ports that callers use. They are opened before anything is started, so that a port in use fails at once.
type listeners struct {
	api  net.Listener
	urls map[string]net.Listener // by the logical id of the function or of the WebSocket API
}

func (s *Stack) listen() (*listeners, error) {
	d := &listeners{urls: map[string]net.Listener{}}
	opened := false
	defer func() {
		if !opened {
			d.close()
		}
	}()
	next := s.options.Port
	take := func(what string) (net.Listener, error) {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", next))
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d, wanted for %s, is in use: stop the program that uses it, or choose other ports with PORT=%d", next, what, next+100)
		}
		if err != nil {
			return nil, fmt.Errorf("listen for %s: %w", what, err)
		}
		if next != 0 {
			next++
		}
		return l, nil
	}
	var err error
	if d.api, err = take("the API"); err != nil {
		return nil, err
	}
	for _, f := range s.plan.functions {
		if f.url != nil {
			if d.urls[f.logical], err = take("the function URL of " + f.folder); err != nil {
				return nil, err
			}
		}
	}
	s.info.API = "http://" + d.api.Addr().String() + s.options.BasePath
	for logical, l := range d.urls {
		s.info.FunctionURLs[logical] = "http://" + l.Addr().String()
		s.template.refs[logical+"Url"] = s.info.FunctionURLs[logical] + "/"
	}
	s.socketHosts = map[string]string{}
	for _, api := range s.plan.webSockets {
		l, err := take("the WebSocket API " + api.logical)
		if err != nil {
			return nil, err
		}
		d.urls[api.logical] = l
		s.socketHosts[api.host] = l.Addr().String()
		if s.info.WebSocket == "" {
			s.info.WebSocket = "ws://" + l.Addr().String() + "/" + api.stage
		}
	}
	opened = true
	s.onStop(func(context.Context) error { d.close(); return nil }) // for a start that fails before serve takes them over
	return d, nil
}

func (d *listeners) close() {
	if d.api != nil {
		_ = d.api.Close()
	}
	for _, l := range d.urls {
		if l != nil {
			_ = l.Close()
		}
	}
}

// startFunctions creates the pools. A process starts with the first invocation that needs it.
func (s *Stack) startFunctions() error {
	listener, err := listenLoopback()
	if err != nil {
		return err
	}
	s.runtime = newRuntimeAPI(s.tasks, listener)
	s.serve("the runtime API", listener, s.runtime)
	names := map[string]*function{}
	for _, p := range s.plan.functions {
		log, err := openLog(filepath.Join(s.options.Data, "logs"), p.folder, s.println)
		if err != nil {
			return err
		}
		f := &function{functionPlan: p, limit: s.options.Concurrency, maxInit: maxInit, runtime: s.runtime, log: log, all: map[*process]phase{}}
		if p.reserved > 0 {
			f.limit = min(f.limit, p.reserved)
		}
		folder := filepath.Join(s.bin, p.folder)
		environment := s.functionEnvironment(p, folder)
		f.launch = func(address string) (*child, error) {
			return s.launcher.start(filepath.Join(folder, "bootstrap"), nil, append(environment[:len(environment):len(environment)], "AWS_LAMBDA_RUNTIME_API="+address),
				folder, log, nil)
		}
		s.functions = append(s.functions, f)
		s.byARN[p.arn] = f
		for _, name := range []string{p.folder, p.logical, p.name, p.arn} {
			names[name] = f
		}
	}
	s.onStop(func(context.Context) error {
		var all taskGroup
		all.printf = s.printf
		for _, f := range s.functions {
			all.run("stopping "+f.folder, f.close)
		}
		all.wait()
		return nil
	})
	s.invoker = &invoker{names: names, ctx: s.ctx, tasks: s.tasks, sendFailure: s.sendToFailureDestination}
	return nil
}

// startServing starts the API, the function URLs and the Invoke API.
func (s *Stack) startServing(d *listeners) error {
	log, err := openLog(filepath.Join(s.options.Data, "logs"), "gateway", s.println)
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return log.Close() })
	s.serveCaller("the API", d.api, &gateway{plan: s.plan.api, stage: s.plan.stage, basePath: s.options.BasePath, functions: s.byARN, log: log, println: s.println,
		cache: &authorizerCache{now: time.Now, decisions: map[string]cachedDecision{}}})
	for _, f := range s.functions {
		if l := d.urls[f.logical]; l != nil {
			s.serveCaller("the function URL of "+f.folder, l, &functionURL{function: f, domain: f.folder})
		}
	}
	for _, p := range s.plan.webSockets {
		api := &socketAPI{socketPlan: p, limits: s.socketLimits, functions: s.byARN, tasks: s.tasks, stopping: s.ctx, log: log, println: s.println, open: map[string]*connection{}}
		s.serveCaller("the WebSocket API "+p.logical, d.urls[p.logical], api)
	}
	s.onStop(s.shutDownCallers)
	listener, err := listenLoopback()
	if err != nil {
		return err
	}
	s.info.Lambda = s.serve("the Invoke API", listener, http.Handler(s.invoker))
	return nil
}

// serveCaller serves HTTP as serve does, on a port that callers use. All these ports close at the same moment, before anything else
// stops, and the requests on all of them have the same time to end.
func (s *Stack) serveCaller(name string, listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	s.callers = append(s.callers, server)
	s.tasks.run("serving "+name, func() { s.serveUntilShutDown(name, server, listener) })
}

// shutDownCallers ends what serveCaller began.
func (s *Stack) shutDownCallers(ctx context.Context) error {
	all := taskGroup{printf: s.printf}
	errs := make([]error, len(s.callers))
	for i, server := range s.callers {
		all.run("stopping a server", func() {
			if api, ok := server.Handler.(*socketAPI); ok {
				api.shutDown(ctx) // until its connections have ended, functions send to them here
			}
			errs[i] = shutDown(ctx, server)
		})
	}
	all.wait()
	return errors.Join(errs...)
}

// startTriggers starts the SQS pollers and the schedules.
func (s *Stack) startTriggers() {
	var working taskGroup
	working.printf = s.printf
	for _, f := range s.functions {
		for _, plan := range f.sources {
			src := &poller{sourcePlan: plan, function: f, client: s.sqs, tasks: &working, printf: s.printf, visibility: 30 * time.Second}
			for _, r := range s.plan.queues {
				if s.template.physicalName(r) == plan.queue {
					src.arn, src.url = s.template.arn(r), s.template.refs[r.logical]
					src.visibility = time.Duration(toInt(s.template.resolve(r.properties["VisibilityTimeout"]), 30)) * time.Second
				}
			}
			if src.url == "" {
				s.printf("%s: the template has no queue %s to poll", f.logical, plan.queue)
				continue
			}
			working.run("polling "+plan.queue, func() { src.run(s.ctx) })
		}
		for _, plan := range f.schedules {
			working.run("the schedule "+plan.name, func() { s.runSchedule(f, plan) })
		}
	}
	// They stop before the functions and the queues, so that the messages they hold return to their queues.
	s.onStop(func(context.Context) error { working.wait(); return nil })
}

// runSchedule sends an Event invocation to a function whenever its schedule is due.
func (s *Stack) runSchedule(f *function, plan schedulePlan) {
	when, err := parseSchedule(plan.expression)
	if err != nil {
		s.printf("%s: %v", plan.name, err)
		return
	}
	zone, err := time.LoadLocation(plan.zone)
	if err != nil {
		s.printf("%s: %v", plan.name, err)
		return
	}
	started := time.Now()
	for {
		now := time.Now()
		minute := now.Truncate(time.Minute).Add(time.Minute)
		if !sleepContext(s.ctx, minute.Sub(now)) {
			return
		}
		if when.isDue(minute.In(zone), started) {
			s.invoker.async(f, plan.event(f.arn, minute))
		}
	}
}

// sendToFailureDestination sends an Event that failed on every attempt to the function's on-failure destination.
func (s *Stack) sendToFailureDestination(ctx context.Context, f *function, destination string, event, cause []byte) {
	record, err := json.Marshal(map[string]any{"version": "1.0", "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"requestContext":  map[string]any{"requestId": newID(), "functionArn": f.arn + ":$LATEST", "condition": "RetriesExhausted", "approximateInvokeCount": f.retries + 1},
		"requestPayload":  json.RawMessage(event),
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"responsePayload": json.RawMessage(cause)})
	if err == nil {
		err = s.publish(ctx, destination, record)
	}
	if err != nil {
		s.printf("%s: a failed event could not be sent to its destination: %v", f.logical, err)
	}
}
