// Package suite runs checks one after the other and writes what host.js wants to read. The first argument of a
// program, if any, selects checks by a part of their name.
package suite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

const checkTimeMax = 90 * time.Second // only against what hangs: a loaded machine is slow

var (
	// At is the address of the broker.
	At     = os.Getenv("KAFKA")
	host   = bufio.NewReader(os.Stdin)
	names  atomic.Int64
	failed bool
)

// Fresh is a name that nobody used before.
func Fresh(what string) string {
	return fmt.Sprintf("go-%s-%d", what, names.Add(1))
}

// Check runs one check; panics are failures.
func Check(name string, run func(ctx context.Context)) {
	if len(os.Args) > 1 && !strings.Contains(name, os.Args[1]) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeMax)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		defer func() {
			why := ""
			if p := recover(); p != nil {
				why = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			done <- why
		}()
		run(ctx)
	}()
	why := ""
	select {
	case why = <-done:
	case <-time.After(checkTimeMax + 5*time.Second):
		why = "it took too long"
	}
	if why == "" {
		fmt.Printf("ok - %s\n", name)
		return
	}
	failed = true
	fmt.Printf("not ok - %s\n# %s\n", name, strings.ReplaceAll(why, "\n", "\n# "))
}

// End ends the program.
func End() {
	if failed {
		os.Exit(1)
	}
	os.Exit(0)
}

// Ask asks host.js for something.
func Ask(what string) string {
	fmt.Printf("!%s\n", what)
	told, err := host.ReadString('\n')
	Must(err)
	if strings.HasPrefix(told, `{"error"`) {
		panic(what + ": " + told)
	}
	return told
}

// Crash is kill -9 of the broker, and its next start.
func Crash() {
	Ask("kill")
	time.Sleep(200 * time.Millisecond)
	Ask("start")
}

// Must panics with an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Got is the value of a call that must not fail.
func Got[T any](value T, err error) T {
	Must(err)
	return value
}

// Same compares what is printed of two values.
func Same(wanted, seen any) {
	if w, s := fmt.Sprint(wanted), fmt.Sprint(seen); w != s {
		panic(fmt.Sprintf("expected %.400s, saw %.400s", w, s))
	}
}

// Holds panics with what was seen.
func Holds(condition bool, seen any) {
	if !condition {
		panic(fmt.Sprintf("saw %v", seen))
	}
}

// Until polls until the condition holds or the context ends.
func Until(ctx context.Context, condition func() bool) {
	for !condition() {
		Must(ctx.Err())
		time.Sleep(10 * time.Millisecond)
	}
}

// Numbers are the texts "0", "1" and so on.
func Numbers(count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	return all
}
