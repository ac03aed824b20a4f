package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// How gRPC is tuned, beside a codec that takes bytes as they are. The client has one
// connection: of 1, 2, 4 and 16 it is the fastest with 10,000 calls in flight, and
// hardly slower with 1,000 and for streams.
const (
	// grpcWindow is that of a stream and of a connection. It is larger than all
	// that is in flight, so that nobody waits for an update.
	grpcWindow = 16 << 20

	// grpcWorkers is how many goroutines of the server are used again, rather than
	// a new one for each call.
	grpcWorkers = 8
)

// The names of methods.
const (
	grpcService = "benchmark.Server"
	grpcEcho    = "/" + grpcService + "/Echo"
	grpcStream  = "/" + grpcService + "/Stream"
)

// serveGRPC answers with gRPC, without TLS.
func serveGRPC(ctx context.Context, s *setup, ready func(addresses ...string)) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.StaticStreamWindowSize(grpcWindow),
		grpc.StaticConnWindowSize(grpcWindow),
		grpc.NumStreamWorkers(grpcWorkers),
	)
	srv.RegisterService(grpcMethods(w.answers), nil)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	ready(l.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		srv.Stop()
		return <-ended
	}
}

// interceptor is what the service has none of.
type interceptor = grpc.UnaryServerInterceptor

// grpcMethods describes a service, as protoc does.
func grpcMethods(answers int) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: grpcService,
		Methods: []grpc.MethodDesc{{
			MethodName: "Echo",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ interceptor) (any, error) {
				var body []byte
				err := decode(&body)
				return &body, err
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName:    "Stream",
			ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				var body []byte
				if err := stream.RecvMsg(&body); err != nil {
					return err
				}
				for range answers {
					if err := stream.SendMsg(&body); err != nil {
						return err
					}
				}
				return nil
			},
		}},
	}
}

// rawCodec encodes a *[]byte as what it holds.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

// Name implements [encoding.CodecV2].
func (rawCodec) Name() string { return "raw" }

// Marshal implements [encoding.CodecV2].
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("encode %T: want *[]byte", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*b)}, nil
}

// Unmarshal implements [encoding.CodecV2].
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("decode %T: want *[]byte", v)
	}
	*b = data.Materialize()
	return nil
}

// grpcCaller is a client of gRPC.
type grpcCaller struct {
	connection *grpc.ClientConn
	answers    int // to a stream
}

var _ caller = (*grpcCaller)(nil)

func openGRPC(_ context.Context, s *setup) (caller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	c, err := grpc.NewClient(
		"passthrough:///"+s.Servers[0],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.StaticMethod()),
		grpc.WithStaticStreamWindowSize(grpcWindow),
		grpc.WithStaticConnWindowSize(grpcWindow),
	)
	if err != nil {
		return nil, err
	}
	return &grpcCaller{c, w.answers}, nil
}

func (g *grpcCaller) echo(ctx context.Context, _ int, body []byte) error {
	var got []byte
	if err := g.connection.Invoke(ctx, grpcEcho, &body, &got); err != nil {
		return err
	}
	return checkBody(len(got), len(body))
}

func (g *grpcCaller) stream(ctx context.Context, _ int, body []byte) (first time.Time, err error) {
	stream, err := g.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, grpcStream)
	if err == nil {
		err = stream.SendMsg(&body)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		return first, err
	}
	for n := 0; ; n++ {
		var got []byte
		err := stream.RecvMsg(&got)
		switch {
		case errors.Is(err, io.EOF) && n == g.answers:
			return first, nil
		case err != nil:
			return first, fmt.Errorf("got %d responses, want %d: %w", n, g.answers, err)
		case n == 0:
			first = time.Now()
		}
		if err := checkBody(len(got), len(body)); err != nil {
			return first, err
		}
	}
}

func (g *grpcCaller) close() error {
	_ = g.connection.Close() // it may be closed already
	return nil
}
