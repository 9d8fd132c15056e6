"""Uses a broker as any program with pika would; prints one line for each thing that held. Argument: the broker's URL."""
import sys
import time
import pika
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, ProbableAuthenticationError, UnroutableError

url = sys.argv[1]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
channel.exchange_declare("events", "topic", durable=True)
queue = channel.queue_declare("py", durable=True, arguments={"x-max-priority": 5, "x-message-ttl": 600000}).method.queue
channel.queue_bind(queue, "events", "station.#")
headers = {"n": 7, "on": True, "list": [1, "星"], "large": 2**40, "none": None, "table": {"x": -1}}
for number in range(200):
    properties = pika.BasicProperties(delivery_mode=2, headers=headers, priority=number % 3)
    channel.basic_publish("events", "station.fault", str(number).encode(), properties, mandatory=True)
try:
    channel.basic_publish("events", "elsewhere", b"", mandatory=True)
except UnroutableError:
    print("returned")

bodies = []
for method, properties, body in channel.consume(queue, inactivity_timeout=60):
    assert properties.headers == headers, properties.headers
    bodies.append(int(body))
    channel.basic_ack(method.delivery_tag)
    if len(bodies) == 200:
        break
channel.cancel()
assert bodies == sorted(bodies, key=lambda number: (-(number % 3), number)), bodies
print("consumed")

answers = []
serving, asking = connection.channel(), connection.channel()
serving.queue_declare("rpc", auto_delete=True)
serving.basic_consume("rpc", lambda own, method, properties, body: own.basic_publish("", properties.reply_to, body + b"!"), auto_ack=True)
asking.basic_consume("amq.rabbitmq.reply-to", lambda own, method, properties, body: answers.append(body), auto_ack=True)
asking.basic_publish("", "rpc", b"called", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
end = time.time() + 60
while not answers and time.time() < end:
    connection.process_data_events(0.1)
assert answers == [b"called!"], answers
print("answered")

cancelled = []
watching = connection.channel()
watching.queue_declare("short")
watching.add_on_cancel_callback(lambda frame: cancelled.append(frame))
watching.basic_consume("short", lambda *_: None)
connection.channel().queue_delete("short")
end = time.time() + 60
while not cancelled and time.time() < end:
    connection.process_data_events(0.1)
assert cancelled
print("cancelled")

try:
    connection.channel().queue_declare(queue, durable=False)
except ChannelClosedByBroker as error:
    print(f"refused {error.reply_code}")
try:
    connection.channel().tx_select()
except ConnectionClosedByBroker as error:
    print(f"refused {error.reply_code}")
try:
    pika.BlockingConnection(pika.URLParameters(url.replace("orrery:", "orrery:not")))
except ProbableAuthenticationError:
    print("unknown")
