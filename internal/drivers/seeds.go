package drivers

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

const defaultPort = "9092"

// ParseSeeds splits "host1:9092,host2:9092". A missing port is 9092.
func ParseSeeds(seeds string) ([]string, error) {
	if strings.TrimSpace(seeds) == "" {
		return nil, fmt.Errorf("no broker address, want \"host:port\" or several separated by commas")
	}
	var addrs []string
	for seed := range strings.SplitSeq(seeds, ",") {
		addr, err := parseSeed(strings.TrimSpace(seed))
		if err != nil {
			return nil, fmt.Errorf("broker address %q: %w", seed, err)
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func parseSeed(seed string) (string, error) {
	if strings.Contains(seed, "://") {
		return "", fmt.Errorf("want host:port without a scheme")
	}
	if bare := strings.Trim(seed, "[]"); !strings.Contains(seed, ":") || net.ParseIP(bare) != nil {
		seed = net.JoinHostPort(bare, defaultPort)
	}
	host, port, err := net.SplitHostPort(seed)
	if err != nil {
		return "", fmt.Errorf("want host:port: %w", err)
	}
	if host == "" || strings.ContainsAny(host, " \t/") {
		return "", fmt.Errorf("host is %q, want a name or an IP address", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("port is %q, want a number from 1 to 65535", port)
	}
	return net.JoinHostPort(host, port), nil
}
