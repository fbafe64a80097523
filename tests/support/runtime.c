/* A runtime of AWS Lambda and its handler, in one static program: what tests invoke in containers.
 *
 * The event is a JSON object whose member "do" says what the handler does; everything else is answered as it came. The first argument
 * is the handler's name: "exit" ends before the first event, "fail" reports an error of initialization.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST (8 * 1024 * 1024)

static char buffer[LARGEST];
static char answer[LARGEST];

/* Sends a request to the Runtime API, each on a connection of its own. Returns the whole response. */
static char *call(const char *method, const char *path, const char *headers, const char *body, long length)
{
    char address[256];
    snprintf(address, sizeof address, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
    char *port = strrchr(address, ':');
    *port++ = 0;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(address, port, &hints, &found) != 0)
        exit(101);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, found->ai_addr, found->ai_addrlen) != 0)
        exit(102);
    freeaddrinfo(found);
    char head[1024];
    int size = snprintf(head, sizeof head,
        "%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %ld\r\n\r\n",
        method, path, headers, length);
    write(connection, head, size);
    for (long sent = 0; sent < length;) {
        long count = write(connection, body + sent, length - sent);
        if (count <= 0)
            break;
        sent += count;
    }
    long received = 0, count;
    while ((count = read(connection, buffer + received, LARGEST - 1 - received)) > 0)
        received += count;
    buffer[received] = 0;
    close(connection);
    return buffer;
}

static const char *header(const char *response, const char *name, char *value)
{
    const char *at = strcasestr(response, name);
    value[0] = 0;
    if (at != NULL)
        sscanf(at + strlen(name), ": %255[^\r]", value);
    return value;
}

static int does(const char *event, const char *what)
{
    char text[64];
    snprintf(text, sizeof text, "\"do\": \"%s\"", what);
    return strstr(event, text) != NULL;
}

int main(int count, char **arguments)
{
    const char *handler = count > 1 ? arguments[1] : "";
    int invocations = 0;
    printf("started %s\n", handler);
    fflush(stdout);
    if (strcmp(handler, "exit") == 0)
        return 3;
    if (strcmp(handler, "fail") == 0) {
        const char *error = "{\"errorMessage\": \"no module\", \"errorType\": \"Runtime.ImportModuleError\", \"requestId\": \"\"}";
        call("POST", "init/error", "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n", error, strlen(error));
        return 1;
    }
    for (;;) {
        char id[256], path[512], value[256];
        char *response = call("GET", "invocation/next", "", "", 0);
        char *event = strstr(response, "\r\n\r\n") + 4;
        header(response, "Lambda-Runtime-Aws-Request-Id", id);
        snprintf(path, sizeof path, "invocation/%s/response", id);
        invocations++;
        if (does(event, "print")) {
            printf("hello from the handler\n");
            fflush(stdout);
        }
        if (does(event, "exit"))
            return 0;
        if (does(event, "exit 7"))
            return 7;
        if (does(event, "abort"))
            raise(SIGKILL);
        if (does(event, "hang"))
            pause();
        if (does(event, "fill"))
            for (;;)
                memset(malloc(1 << 20), 1, 1 << 20);
        if (does(event, "raise")) {
            snprintf(path, sizeof path, "invocation/%s/error", id);
            const char *error = "{\"errorMessage\": \"Handler fails\", \"errorType\": \"Exception\"}";
            call("POST", path, "", error, strlen(error));
            continue;
        }
        long length;
        if (does(event, "large")) {
            length = 6 * 1024 * 1024 + 200;
            memset(answer, 'x', length);
            answer[0] = answer[length - 1] = '"';
        } else if (does(event, "describe")) {
            char directory[256];
            char arn[256];
            header(response, "Lambda-Runtime-Invoked-Function-Arn", arn);
            header(response, "Lambda-Runtime-Client-Context", value);
            const char *given = getenv("GIVEN");
            length = snprintf(answer, LARGEST,
                "{\"handler\": \"%s\", \"invocations\": %d, \"directory\": \"%s\", \"arn\": \"%s\", \"function\": \"%s\","
                " \"version\": \"%s\", \"memory\": \"%s\", \"endpoint\": \"%s\", \"given\": \"%s\", \"context\": \"%s\"}",
                handler, invocations, getcwd(directory, sizeof directory), arn, getenv("AWS_LAMBDA_FUNCTION_NAME"),
                getenv("AWS_LAMBDA_FUNCTION_VERSION"), getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
                getenv("AWS_ENDPOINT_URL"), given ? given : "", value[0] ? "given" : "");
        } else {
            length = snprintf(answer, LARGEST, "%s", event);
        }
        call("POST", path, "Content-Type: application/json\r\n", answer, length);
    }
}
