"""The blog post's application, written anew for a comparison: Flask, SQLAlchemy and redis-py, a table of users that is
filled in a loop, and one view that returns them all, from MySQL first and from Redis then.

Usage: blog_app.py insert | first | second-string | second-rows
Prints how long that took, ns; of reads the mean of as many as PEERS_READS says, after three (PEERS_WARM_UP) that do
not count. Imports, connections and the check of the answers are not timed.

The post cached str(list), which no program can turn back into users; `second-rows` caches rows that one can use (pickle)
and returns them. Servers come from the environment: PEERS_MYSQL_URL (with a database of its own) and PEERS_REDIS_URL.
"""

import os
import pickle
import sys
import time

import redis
from flask import Flask
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

USERS = int(os.environ.get("PEERS_USERS", "100000"))
READS = int(os.environ.get("PEERS_READS", "1"))
WARM_UP = int(os.environ.get("PEERS_WARM_UP", "3"))

app = Flask(__name__)
engine = create_engine(os.environ["PEERS_MYSQL_URL"])
cache = redis.from_url(os.environ["PEERS_REDIS_URL"])


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)

    def __repr__(self):
        return f"<User {self.username}>"


def insert_users():
    with Session(engine) as session:
        for number in range(USERS):
            session.add(User(username=f"user{number}", email=f"user{number}@mail.example"))
        session.commit()


@app.get("/string")
def users_as_string():
    cached = cache.get("users")
    if cached is None:
        with Session(engine) as session:
            cached = str(session.scalars(select(User)).all()).encode()
        cache.set("users", cached)
    return cached


def users_as_rows():
    cached = cache.get("rows")
    if cached is not None:
        return pickle.loads(cached)
    with Session(engine) as session:
        rows = [(user.id, user.username, user.email) for user in session.scalars(select(User))]
    cache.set("rows", pickle.dumps(rows, pickle.HIGHEST_PROTOCOL))
    return rows


def timed(work):
    start = time.perf_counter_ns()
    answer = work()
    return time.perf_counter_ns() - start, answer


def mean_ns(read, prepare, is_whole):
    """Of READS reads, each prepared and checked outside the timed part."""
    total = 0
    for number in range(-WARM_UP, READS):
        prepare()
        ns, answer = timed(read)
        assert is_whole(answer)
        if number >= 0:
            total += ns
    return total // READS


def main(operation):
    cache.ping()
    if operation == "insert":
        Base.metadata.drop_all(engine)
        Base.metadata.create_all(engine)
        ns, _ = timed(insert_users)
        with Session(engine) as session:
            assert session.query(User).count() == USERS
        return ns
    with Session(engine) as session:
        session.execute(select(1))
    with app.test_client() as client:
        page, is_whole = lambda: client.get("/string"), lambda response: len(response.data) > 10 * USERS
        if operation == "first":
            return mean_ns(page, lambda: cache.delete("users"), is_whole)
        if operation == "second-string":
            return mean_ns(page, lambda: None, is_whole)
    if operation == "second-rows":
        return mean_ns(users_as_rows, lambda: None, lambda rows: len(rows) == USERS)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(main(sys.argv[1]))
