package session

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// shake does the handshake with a switch that does play.
func shake(ctx context.Context, cfg Config, play func(*fakeSwitch) error) (s *Session, err, playErr error) {
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- play(newFakeSwitch(there)) }()
	s, err = Handshake(ctx, here, cfg)
	if s != nil {
		s.Close()
	}
	playErr = <-done
	there.Close()
	return s, err, playErr
}

func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ports := []openflow.Port{{No: openflow.PortLocal, Name: "br0"}}
		for i := openflow.PortNo(1); i < 8; i++ {
			ports = append(ports, openflow.Port{No: i, Name: "p" + i.String(), State: openflow.StateLive})
		}
		var config *openflow.SetConfig
		s, err, _ := shake(t.Context(), Config{Role: openflow.RoleMaster, GenerationID: 3, MissSendLen: 128}, func(f *fakeSwitch) error {
			f.ports = ports
			return f.serve(func(m openflow.Message) bool {
				if c, ok := m.(*openflow.SetConfig); ok {
					config = c
				}
				return isBarrier(m)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.Features().DatapathID != 0xa1 || s.Desc().Manufacturer != "fake" {
			t.Errorf("features %+v, desc %+v", s.Features(), s.Desc())
		}
		if diff := cmp.Diff(ports, s.Ports()); diff != "" {
			t.Errorf("ports (-want +got):\n%s", diff)
		}
		if config == nil || config.MissSendLen != 128 {
			t.Errorf("switch was configured with %+v", config)
		}
	})
}

// Without a bitmap the lower of the two versions is agreed on (6.3.1).
func TestHandshakeWithoutBitmap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
			if err := f.send(&openflow.Hello{Version: 6}); err != nil {
				return err
			}
			return f.resume(isBarrier)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestHandshakeVersions(t *testing.T) {
	tests := []struct {
		name    string
		hello   *openflow.Hello
		offered []uint8
		version uint8 // of the error that the switch should get
		text    string
	}{
		{"only 1.0, by bitmap", &openflow.Hello{Version: 1, Bitmap: []uint32{1 << 1}}, []uint8{1}, 1, "OpenFlow 1.0"},
		{"only 1.0, no bitmap", &openflow.Hello{Version: 1}, []uint8{1}, 1, "OpenFlow 1.0"},
		{"1.0, 1.4 and 1.5", &openflow.Hello{Version: 6, Bitmap: []uint32{1<<1 | 1<<5 | 1<<6}}, []uint8{1, 5, 6}, 4, "OpenFlow 1.4, OpenFlow 1.5"},
		{"none", &openflow.Hello{Version: 4, Bitmap: []uint32{0}}, nil, 4, "no version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var refusal openflow.Message
				_, err, playErr := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
					if err := f.send(test.hello); err != nil {
						return err
					}
					if _, err := f.recv(); err != nil { // the controller's HELLO
						return err
					}
					m, err := f.recv()
					refusal = m
					return err
				})
				if playErr != nil {
					t.Fatal(playErr)
				}
				var v *VersionError
				if !errors.As(err, &v) {
					t.Fatalf("error %v", err)
				}
				if diff := cmp.Diff(test.offered, v.Offered); diff != "" {
					t.Errorf("offered (-want +got):\n%s", diff)
				}
				if !strings.Contains(err.Error(), test.text) {
					t.Errorf("error %q does not say %q", err, test.text)
				}
				e, ok := refusal.(*openflow.ErrorMsg)
				if !ok || e.ErrType != openflow.ErrTypeHelloFailed || e.Code != openflow.HelloFailedIncompatible || e.Version != test.version {
					t.Fatalf("switch got %+v", refusal)
				}
				if !strings.Contains(string(e.Data), "OpenFlow 1.3") {
					t.Errorf("switch got %q", e.Data)
				}
			})
		})
	}
}

func TestHandshakeRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stale := &openflow.ErrorMsg{ErrType: openflow.ErrTypeRoleRequestFailed, Code: openflow.RoleFailedStale}
		_, err, _ := shake(t.Context(), Config{Role: openflow.RoleMaster}, func(f *fakeSwitch) error {
			if err := f.send(openflow.NewHello()); err != nil {
				return err
			}
			return f.resumeWith(func(m openflow.Message) (bool, error) {
				if m.Type() != openflow.TypeRoleRequest {
					return false, nil
				}
				stale.SetXid(m.Xid())
				return true, f.send(stale)
			}, nil)
		})
		if !openflow.IsError(err, openflow.ErrTypeRoleRequestFailed, openflow.RoleFailedStale) {
			t.Errorf("refused role: error %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
			return f.send(&openflow.ErrorMsg{ErrType: openflow.ErrTypeHelloFailed, Data: []byte("go away")})
		})
		if err == nil || !strings.Contains(err.Error(), "go away") {
			t.Errorf("refused hello: error %v", err)
		}
	})
}

// Desc is for people; a switch without it is as good.
func TestHandshakeWithoutDesc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
			if err := f.send(openflow.NewHello()); err != nil {
				return err
			}
			return f.resumeWith(func(m openflow.Message) (bool, error) {
				if q, ok := m.(*openflow.MultipartRequest); !ok || q.Kind != openflow.MultipartDesc {
					return false, nil
				}
				e := &openflow.ErrorMsg{ErrType: openflow.ErrTypeBadRequest, Code: 2}
				e.SetXid(m.Xid())
				return true, f.send(e)
			}, isBarrier)
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.Desc() != (openflow.Desc{}) {
			t.Errorf("desc %+v", s.Desc())
		}
	})
}

// A peer that sends a byte a second must not hold the handshake up.
func TestHandshakeSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err, _ := shake(t.Context(), Config{HandshakeTimeout: 5 * time.Second}, func(f *fakeSwitch) error {
			hello, err := openflow.NewHello().AppendBinary(nil)
			for i := 0; err == nil; i++ {
				_, err = f.conn.Write(hello[i : i+1])
				time.Sleep(time.Second)
			}
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "waiting for the switch's HELLO: not finished within 5s") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > 7*time.Second /* the switch needs a moment to notice */ {
			t.Errorf("took %v", took)
		}
	})
}

// However eager for signs of life: before versions are agreed on there is
// nothing but HELLO, and in the handshake nothing but its requests.
func TestHandshakeSendsNoEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		_, err, _ := shake(t.Context(), Config{EchoInterval: time.Millisecond}, func(f *fakeSwitch) error {
			time.Sleep(time.Second)
			return f.serve(func(m openflow.Message) bool {
				got = append(got, m.Type().String())
				time.Sleep(time.Second)
				return isBarrier(m)
			})
		})
		if err != nil {
			t.Error(err)
		}
		want := []string{"hello", "features_request", "set_config", "multipart_request", "multipart_request", "barrier_request"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("switch got (-want +got):\n%s", diff)
		}
	})
}

// A peer that says nothing and does not read either.
func TestHandshakeDeafPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err, _ := shake(ctx, Config{}, func(f *fakeSwitch) error { return nil })
		if !errors.Is(err, why) {
			t.Errorf("error %v", err)
		}
	})
}

func TestHandshakeForeignPeer(t *testing.T) {
	tests := []struct{ name, sends, want string }{
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", `is it an OpenFlow switch? (bytes 47 45 54 20 2f 20 48 54, "GET / HT")`},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "peer speaks TLS"},
		{"zeros", strings.Repeat("\x00", 100), "is it an OpenFlow switch?"},
		{"features reply first", "\x04\x06\x00\x08\x00\x00\x00\x01", "is it an OpenFlow switch?"},
		{"length too short", "\x04\x00\x00\x07\x00\x00\x00\x01", "7 bytes long, shorter than its own header"},
		{"end within HELLO", "\x04\x00\x00\x10\x00\x00\x00\x01", "closed the connection in the middle of a message"},
		{"end at once", "", "waiting for the switch's HELLO: switch closed the connection"},
		{"element too long", "\x04\x00\x00\x10\x00\x00\x00\x01\x00\x01\xff\xff\x00\x00\x00\x10", "element"},
		{"version changes", "\x04\x00\x00\x08\x00\x00\x00\x01\x01\x06\x00\x20\x00\x00\x00\x02", "OpenFlow 1.0 after OpenFlow 1.3 was agreed on"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
					go f.drain()
					if test.sends != "" {
						f.conn.Write([]byte(test.sends))
					}
					synctest.Wait()
					return f.conn.Close()
				})
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %s", err, test.want)
				}
			})
		})
	}
}

// Whenever the connection ends, the handshake fails at once and leaves nothing.
func TestHandshakeCut(t *testing.T) {
	for cut := 0; cut <= 7; cut++ {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
				left := cut
				err := f.serve(func(openflow.Message) bool { left--; return left <= 0 })
				f.conn.Close()
				return err
			})
			if whole := cut >= 6; whole != (err == nil) {
				t.Errorf("cut after %d messages: error %v", cut, err)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("cut after %d messages: took %v", cut, took)
			}
		})
	}
}

// Who lets ports in is asked for each part of their description, and may wait or
// refuse.
func TestAdmitPorts(t *testing.T) {
	for _, test := range []struct {
		name  string
		admit func(context.Context, int) error
		want  string
	}{
		{"all", func(context.Context, int) error { return nil }, ""},
		{"refuses", func(_ context.Context, n int) error {
			if n > 6 {
				return errors.New("too many")
			}
			return nil
		}, "too many"},
		{"waits", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, "not finished within 10s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				defer there.Close()
				f := newFakeSwitch(there)
				f.ports = make([]openflow.Port, 10) // in parts of three
				served := make(chan error, 1)
				go func() { served <- f.serve(isBarrier) }()
				var asked []int
				s, err := Handshake(t.Context(), here, Config{
					HandshakeTimeout: 10 * time.Second,
					AdmitPorts: func(ctx context.Context, n int) error {
						asked = append(asked, n)
						return test.admit(ctx, n)
					},
				})
				if test.want != "" {
					if err == nil || !strings.Contains(err.Error(), test.want) {
						t.Errorf("Handshake: %v", err)
					}
					there.Close()
					<-served
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if diff := cmp.Diff([]int{3, 6, 9, 10}, asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
				<-served
			})
		})
	}
}

// A switch cannot keep us reading parts with nothing in them.
func TestEmptyPartsOfPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err, _ := shake(t.Context(), Config{}, func(f *fakeSwitch) error {
			if err := f.send(openflow.NewHello()); err != nil {
				return err
			}
			return f.resumeWith(func(m openflow.Message) (bool, error) {
				q, ok := m.(*openflow.MultipartRequest)
				if !ok || q.Kind != openflow.MultipartPortDesc {
					return false, nil
				}
				part := &openflow.MultipartReply{Kind: q.Kind, Flags: openflow.MultipartMore}
				part.SetXid(q.Xid())
				for {
					if err := f.send(part); err != nil {
						return true, err
					}
				}
			}, nil)
		})
		if err == nil || !strings.Contains(err.Error(), "describes no port where more are to follow") {
			t.Errorf("Handshake: %v", err)
		}
	})
}
