package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	listen string
	keys   []string
	log    string
	delay  time.Duration
	hold   string
	tokens string
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 picks a free one")
	flags.Func("key", "a workspace API `key` to accept (repeat for more)", func(key string) error {
		o.keys = append(o.keys, key)
		return nil
	})
	flags.StringVar(&o.log, "log", "", "append every request, audience and answer to this `file`, and continue from its content")
	flags.DurationVar(&o.delay, "delay", 0, "delay of every answer")
	flags.StringVar(&o.hold, "hold", "signal", "what ends the simulator: `stdin` (when it is closed) or signal (SIGINT, SIGTERM)")
	flags.StringVar(&o.tokens, "report-token-seed", "", "derive the tokens in the reports' URLs from this `text` instead of using random ones")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	// The flag package has already printed its own errors; the errors below are printed here.
	err := func() error {
		switch {
		case flags.NArg() > 0:
			return fmt.Errorf("unexpected argument %q", flags.Arg(0))
		case len(o.keys) == 0:
			return errors.New("--key is required")
		case o.hold != "stdin" && o.hold != "signal":
			return fmt.Errorf("--hold is stdin or signal, not %q", o.hold)
		case o.delay < 0:
			return errors.New("--delay must not be negative")
		}
		return checkKeys(o.keys)
	}()
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
	}
	return o, err
}

func main() {
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	if err := run(o, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

func run(o options, stdin io.Reader, stdout, stderr io.Writer) error {
	store, err := OpenStore(o.log)
	if err != nil {
		return err
	}
	defer store.Close()

	// Signals are handled before the address is printed, so that a process that has read it can always end the
	// simulator.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)

	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           NewSimulator(store, o.keys, o.delay, o.tokens),
		ReadHeaderTimeout: 30 * time.Second,
	}
	// Close and not Shutdown: Shutdown would wait forever for held and endless answers.
	defer server.Close()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	address := listener.Addr().(*net.TCPAddr)
	if !address.IP.IsLoopback() {
		fmt.Fprintln(stderr, "warning: not a loopback address, and the admin API needs no key")
	}
	url := urlOf(address)
	if err := json.NewEncoder(stdout).Encode(struct {
		URL string `json:"url"`
		Log string `json:"log"`
	}{url, o.log}); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "Propensity API simulator: %s (open it in a browser to watch)\n", url)

	ended := make(chan struct{})
	if o.hold == "stdin" {
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, stdin)
		}()
	}
	select {
	case err := <-served:
		return err
	case <-ended:
	case <-signals:
	}
	return nil
}

// urlOf returns a URL that clients can connect to, also if the server listens on all interfaces.
func urlOf(address *net.TCPAddr) string {
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(address.Port)) + "/"
}
