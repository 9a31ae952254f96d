from fastapi import APIRouter


def routes(state):
    return APIRouter()
