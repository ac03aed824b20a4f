package acurl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestTailLive watches a service while it is called, by a client that nobody knew
// before, and leaves no trace.
func TestTailLive(t *testing.T) {
	t.Parallel()
	env := shell(t)
	start(t, "exec acurl broker", env)
	start(t, "exec acurl serve echo/hello", env)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // else a call that is missed goes unnoticed for ten
	defer cancel()
	tail := exec.CommandContext(ctx, "sh", "-c", "exec acurl tail echo -n 2")
	tail.Env = env
	out, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := tail.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.Contains(line, "Watching echo") {
		t.Fatalf("said %q, %v", line, err)
	}
	for range 2 {
		call := exec.CommandContext(t.Context(), "sh", "-c", "acurl echo/hello -d hi")
		call.Env = env
		if out, err := call.CombinedOutput(); err != nil {
			t.Fatalf("call: %v\n%s", err, out)
		}
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"> /hello", "< 200 response 0", "= 200 after"} {
		if got := strings.Count(string(text), want); got != 2 {
			t.Errorf("%q was written %d times, want 2:\n%s", want, got, text)
		}
	}
	for _, variable := range env {
		if address, ok := strings.CutPrefix(variable, brokersVariable+"="); ok {
			checkGroups(t, address)
		}
	}
}

// checkGroups fails unless the service has the only group.
func checkGroups(t *testing.T, address string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	groups, err := kadm.NewClient(client).ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if names := groups.Groups(); len(names) != 1 || names[0] != "echo" {
		t.Errorf("groups are %v, want only that of the service", names)
	}
}

// TestJoiner has a response arrive before its request, and more calls than the joiner
// remembers.
func TestJoiner(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	record := func(ac []byte, after time.Duration) *kgo.Record {
		return &kgo.Record{Timestamp: begun.Add(after), Headers: []kgo.RecordHeader{{Key: wire.Header, Value: ac}}}
	}
	request := func(id string) *kgo.Record {
		ac, err := wire.AppendRequest(nil, &wire.Request{Kind: wire.KindSend, ID: id, Endpoint: "/a", From: "client"})
		if err != nil {
			t.Fatal(err)
		}
		return record(ac, 0)
	}
	response := func(id string, end bool) *kgo.Record {
		ac, err := wire.AppendResponse(nil, &wire.Response{
			Kind: wire.KindResponse, RequestID: id, Run: "run", Service: "server", Endpoint: "/a", End: end,
		})
		if err != nil {
			t.Fatal(err)
		}
		return record(ac, time.Second)
	}
	j := newJoiner()
	if got := j.response(response("early", true)); len(got) != 0 {
		t.Errorf("a response without its request says %v, want nothing", got)
	}
	got := j.request(request("early"))
	if len(got) != 3 || got[0].What != whatRequest || got[1].What != whatResponse || got[2].What != whatEnd || !got[2].call.ended {
		t.Errorf("the request says %v, want request, response and end", got)
	}
	if got := j.request(request("early")); len(got) != 0 {
		t.Errorf("the same request says %v, want nothing", got)
	}
	for range mostOrphans + 1 {
		j.response(response("stray", false))
	}
	if j.strays != 1 {
		t.Errorf("%d responses wait for their requests, want those before to be forgotten", j.strays)
	}
	for i := range mostCalls {
		j.request(request(fmt.Sprint("id-", i)))
	}
	if len(j.calls) != mostCalls || j.order.Len() != mostCalls || j.calls["early"] != nil {
		t.Errorf("%d calls are known, want %d, without the oldest", len(j.calls), mostCalls)
	}
}

// TestTailStarts has a record come between the two questions that tell where to begin in
// a topic in which there was nothing yet: it is read.
func TestTailStarts(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "topic"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	connect := func() *kgo.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	reader, writer := connect(), connect()
	asked, written := false, false
	cluster.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req, _ := r.(*kmsg.ListOffsetsRequest)
		switch byTime := req.Topics[0].Partitions[0].Timestamp >= 0; {
		case byTime:
			asked = true
		case asked && !written:
			written = true
			cluster.SleepControl(func() {
				writer.ProduceSync(t.Context(), &kgo.Record{Topic: "topic"})
			})
		}
		return nil, nil, false
	})
	w := &watcher{admin: kadm.NewClient(reader), known: map[string]bool{}}
	starts, err := w.starts(t.Context(), "topic", time.Now().Add(-time.Second))
	if err != nil || !written {
		t.Fatalf("starts: %v, a record was written between: %t", err, written)
	}
	if got := starts["topic"][0].EpochOffset().Offset; got != 0 {
		t.Errorf("begins at offset %d, want 0", got)
	}
}
