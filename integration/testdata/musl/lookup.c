// lookup prints the addresses of a name, one a line, as programs of its C library see them.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
	struct addrinfo *all, hints = {.ai_socktype = SOCK_STREAM};
	char text[INET6_ADDRSTRLEN];
	if (argc != 2) return 2;
	int code = getaddrinfo(argv[1], NULL, &hints, &all);
	if (code != 0) {
		printf("%s\n", code == EAI_NONAME ? "no such name" : gai_strerror(code));
		return 1;
	}
	for (; all != NULL; all = all->ai_next) {
		void *address = all->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)all->ai_addr)->sin_addr
		                                          : (void *)&((struct sockaddr_in6 *)all->ai_addr)->sin6_addr;
		puts(inet_ntop(all->ai_family, address, text, sizeof text));
	}
	return 0;
}
