"""A container that passes on to this machine what comes to its ports 25 (TCP) and 8125 (UDP)."""

IMAGE = "python:3.13-slim-trixie"

AMBASSADOR = """
import socket, socketserver, sys, threading
host, mail, statsd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
class Mail(socketserver.BaseRequestHandler):
    def handle(self):
        there = socket.create_connection((host, mail))
        def copy(a, b):
            while data := a.recv(65536): b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=copy, args=(there, self.request)); thread.start()
        copy(self.request, there); thread.join()
class Statsd(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(self.request[0], (host, statsd))
threading.Thread(target=socketserver.UDPServer(("", 8125), Statsd).serve_forever).start()
socketserver.ThreadingTCPServer(("", 25), Mail).serve_forever()
"""
"""To be run with this machine's address, its port for mail, and its port for statsd."""
