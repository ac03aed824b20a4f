package health_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/health"
)

func ExampleHandler() {
	svc, err := asynccalls.New("shop", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close()
	svc.Handle("/price", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })

	mux := http.NewServeMux()
	mux.Handle("/", health.Handler(svc)) // http.ListenAndServe(":8080", mux) serves it

	_, body, _ := get(mux, "/readyz")
	fmt.Print(body)

	go svc.Listen(context.Background())
	if err := svc.Ready(context.Background()); err != nil {
		log.Fatal(err)
	}
	_, body, _ = get(mux, "/readyz?verbose")
	fmt.Print(body)
	// Output:
	// [+]loops ok
	// [+]handlers ok
	// [-]listen failed: Listen was not called
	// [+]broker ok
	// [+]topics ok
	// [-]assignment failed: not a member of the group yet
	// [+]replies ok
	// readyz check failed
	// [+]loops ok
	// [+]handlers ok
	// [+]listen ok
	// [+]broker ok
	// [+]topics ok
	// [+]assignment ok
	// [+]replies ok
	// readyz check passed
}
