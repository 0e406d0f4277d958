// The trivial saga on Temporal: reserve, charge, confirm; when confirm says no, refund and release.
//
// The same work as the pool echo does for Impresario. HTTP front and worker are one process, which lets the SDK start
// workflows and activities eagerly: its fastest way.
//
//	temporal SERVER LISTEN activities|local    POST /run {"id", "fail"} runs the workflow under that id and answers with its result
//	temporal SERVER register                   makes the namespace and waits until the server serves it
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	taskQueue = "trivial"
	namespace = "default"

	// Many sagas at once: the SDK's own limits are lower.
	pollers    = 32
	executions = 1000

	stepTimeout     = 5 * time.Second
	registerTimeout = 55 * time.Second
)

type input struct {
	ID   string `json:"id"`
	Fail bool   `json:"fail"`
}

type done struct {
	ID   string `json:"id"`
	Step string `json:"step"`
	Code int    `json:"code"`
}

type end struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

type step func(context.Context, input) (done, error)

func Reserve(_ context.Context, in input) (done, error) { return done{in.ID, "reserve", 200}, nil }
func Charge(_ context.Context, in input) (done, error)  { return done{in.ID, "charge", 200}, nil }
func Refund(_ context.Context, in input) (done, error)  { return done{in.ID, "refund", 200}, nil }
func Release(_ context.Context, in input) (done, error) { return done{in.ID, "release", 200}, nil }

func Confirm(_ context.Context, in input) (done, error) {
	if in.Fail {
		// Benign: the SDK writes no line for a failure that was foreseen.
		options := temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign}
		return done{}, temporal.NewApplicationErrorWithOptions("the input asked for a failure", "asked_to_fail", options)
	}
	return done{in.ID, "confirm", 200}, nil
}

func saga(in input, run func(step) error) (end, error) {
	err := all(run, Reserve, Charge, Confirm)
	if err == nil {
		return end{in.ID, "completed"}, nil
	}
	if no := (*temporal.ApplicationError)(nil); !errors.As(err, &no) || !no.NonRetryable() {
		return end{}, err
	}
	return end{in.ID, "compensated"}, all(run, Refund, Release)
}

func all(run func(step) error, steps ...step) error {
	for _, step := range steps {
		if err := run(step); err != nil {
			return err
		}
	}
	return nil
}

func Trivial(ctx workflow.Context, in input) (end, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: stepTimeout})
	return saga(in, func(step step) error { return workflow.ExecuteActivity(ctx, step, in).Get(ctx, nil) })
}

// TrivialLocal runs the steps within the workflow's own task: recorded, but not through a queue.
func TrivialLocal(ctx workflow.Context, in input) (end, error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: stepTimeout})
	return saga(in, func(step step) error { return workflow.ExecuteLocalActivity(ctx, step, in).Get(ctx, nil) })
}

func startWorker(c client.Client) error {
	w := worker.New(c, taskQueue, worker.Options{
		MaxConcurrentActivityExecutionSize:      executions,
		MaxConcurrentLocalActivityExecutionSize: executions,
		MaxConcurrentWorkflowTaskExecutionSize:  executions,
		MaxConcurrentActivityTaskPollers:        pollers,
		MaxConcurrentWorkflowTaskPollers:        pollers,
	})
	w.RegisterWorkflow(Trivial)
	w.RegisterWorkflow(TrivialLocal)
	for _, step := range []step{Reserve, Charge, Confirm, Refund, Release} {
		w.RegisterActivity(step)
	}
	return w.Start()
}

func serve(c client.Client, listen string, flow any) error {
	http.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /run", func(w http.ResponseWriter, request *http.Request) {
		var in input
		if err := json.NewDecoder(request.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		run, err := c.ExecuteWorkflow(request.Context(), client.StartWorkflowOptions{
			ID: in.ID, TaskQueue: taskQueue, EnableEagerStart: true,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, flow, in)
		var out end
		if err == nil {
			err = run.Get(request.Context(), &out)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("content-type", "application/json")
		json.NewEncoder(w).Encode(out)
	})
	return http.ListenAndServe(listen, nil)
}

// register makes the namespace and waits until a question about a workflow in it is answered: then all parts are up.
func register(options client.Options) error {
	ctx, cancel := context.WithTimeout(context.Background(), registerTimeout)
	defer cancel()
	for {
		err := tryRegister(ctx, options)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func tryRegister(ctx context.Context, options client.Options) error {
	namespaces, err := client.NewNamespaceClient(options)
	if err != nil {
		return err
	}
	defer namespaces.Close()
	err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if there := (*serviceerror.NamespaceAlreadyExists)(nil); err != nil && !errors.As(err, &there) {
		return err
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer c.Close()
	for number := range 16 {
		_, err = c.DescribeWorkflowExecution(ctx, fmt.Sprint("nobody-", number), "")
		if none := (*serviceerror.NotFound)(nil); !errors.As(err, &none) {
			return err
		}
	}
	return nil
}

func run(words []string) error {
	warnings := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options := client.Options{HostPort: words[0], Namespace: namespace, Logger: temporallog.NewStructuredLogger(warnings)}
	if words[1] == "register" {
		return register(options)
	}
	var flow any = Trivial
	if words[2] == "local" {
		flow = TrivialLocal
	}
	c, err := client.Dial(options)
	if err != nil {
		return err
	}
	if err := startWorker(c); err != nil {
		return err
	}
	return serve(c, words[1], flow)
}

func main() {
	if len(os.Args) < 3 {
		log.Fatalln("say: temporal SERVER LISTEN activities|local, or: temporal SERVER register")
	}
	if err := run(os.Args[1:]); err != nil {
		log.Fatalln(err)
	}
}
