// One multi-call binary: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and kwok, plus three small helpers (pki, stages, metrics).
// The first argument picks the part; the rest are that part's own flags.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok|pki|stages|metrics [flags]"))
	}
	part := os.Args[1]
	// Each part parses os.Args itself (kwok does so twice), so shift it.
	os.Args = append([]string{part}, os.Args[2:]...)
	var c *cobra.Command
	switch part {
	case "kube-apiserver":
		c = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		c = kcm.NewControllerManagerCommand()
	case "kube-scheduler":
		c = scheduler.NewSchedulerCommand()
	case "etcd":
		fail(runEtcd())
		return
	case "kwok":
		fail(runKwok())
		return
	case "stages":
		fail(printStages())
		return
	case "pki":
		fail(runPKI())
		return
	case "metrics":
		fail(runMetrics())
		return
	default:
		fail(fmt.Errorf("unknown part %q", part))
	}
	os.Exit(cli.Run(c))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
